import { copyFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/*
 * Puts pgmq's own scripts, which an installed npm package holds, beside the Dockerfile. It is the
 * package that the SQL-only install comes from, so both profiles have the same version of pgmq.
 */
const { resolve } = createRequire(new URL("../../packages/db/package.json", import.meta.url));
const scripts = join(dirname(resolve("@electric-sql/pglite-pgmq")), "pgmq.tar.gz");
const place = new URL("pgmq.tar.gz", import.meta.url);
const partial = new URL(`pgmq.tar.gz.${process.pid}`, import.meta.url);
copyFileSync(scripts, partial);
renameSync(partial, place);
