import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Observe } from "@centralcloud/service";
import type { ClientBase } from "pg";
import { extract } from "tar-stream";
import type { MigrationObservation } from "./observation.ts";

/** pgmq is there, but older than 1.5: its messages have no headers. */
export class PgmqTooOldError extends Error {
  readonly code = "pgmq_too_old";
  constructor() {
    super(
      "pgmq is older than 1.5 (its messages have no headers). Upgrade it with " +
        "`alter extension pgmq update`, after installing a newer version on the server.",
    );
    this.name = "PgmqTooOldError";
  }
}

/**
 * Makes sure that pgmq is installed: what is there is kept; else the extension, where the server
 * offers it; else pgmq's own SQL from the npm package, which works the same without being an
 * extension. Runs in the caller's transaction.
 */
export async function ensurePgmq(
  client: ClientBase,
  observe: Observe<MigrationObservation>,
): Promise<void> {
  const { rows } = await client.query<{ installed: boolean; headers: boolean; offered: boolean }>(`
    select to_regclass('pgmq.meta') is not null as installed,
           exists (select from pg_attribute where attrelid = to_regclass('pgmq.message_record')
                     and attname = 'headers') as headers,
           exists (select from pg_available_extensions where name = 'pgmq') as offered`);
  const found = rows[0];
  if (found?.installed) {
    if (!found.headers) throw new PgmqTooOldError();
  } else if (found?.offered) {
    await client.query("create extension pgmq");
    observe({ event: "pgmq-installed", version: "the server's", how: "extension" });
  } else {
    const { version, sql } = await readPackagedPgmq();
    await client.query(sql);
    await client.query(`comment on schema pgmq is 'pgmq ${version}, installed as SQL'`);
    observe({ event: "pgmq-installed", version, how: "sql" });
  }
}

/** pgmq's full install script out of the npm package, with the version that its name tells. */
async function readPackagedPgmq(): Promise<{ version: string; sql: string }> {
  const main = createRequire(import.meta.url).resolve("@electric-sql/pglite-pgmq");
  const archive = join(dirname(main), "pgmq.tar.gz");
  const entries = extract();
  entries.end(gunzipSync(readFileSync(archive)));
  let script: { version: string; sql: string } | undefined;
  for await (const entry of entries) {
    const version = /\/pgmq--(\d+\.\d+\.\d+)\.sql$/.exec(entry.header.name)?.[1];
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    if (version !== undefined) script = { version, sql: Buffer.concat(chunks).toString("utf8") };
  }
  if (script === undefined) throw new Error(`${archive} holds no install script of pgmq`);
  return script;
}
