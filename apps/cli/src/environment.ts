import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import type { Environment } from "@centralcloud/service";

/** Where `npm start` writes the addresses of the databases that it runs. */
const localFile = join(".data", "centralcloud.env");

/**
 * The environment, and where it names no databases, those of a system that `npm start` runs in this
 * directory or one above it.
 */
export function withLocalDatabases(environment: Environment): Environment {
  const names = ["SOURCE_DATABASE_URLS", "CENTRAL_DATABASE_URL"];
  if (names.some((name) => environment[name] || environment[`${name}_FILE`])) return environment;
  for (let folder = environment.INIT_CWD ?? process.cwd(); ; folder = dirname(folder)) {
    const file = join(folder, localFile);
    if (existsSync(file)) return { ...parseEnv(readFileSync(file, "utf8")), ...environment };
    if (dirname(folder) === folder) return environment;
  }
}
