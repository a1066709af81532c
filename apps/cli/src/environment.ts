import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { withoutSecrets } from "@centralcloud/postgres";
import { ConfigurationError, type Environment } from "@centralcloud/service";
import { readSourceUrls } from "./sources.ts";

/** Where `npm start` keeps what it makes, and writes the addresses of the databases that it runs. */
const localFolder = ".data";
const localFile = join(localFolder, "centralcloud.env");

const databaseNames = ["SOURCE_DATABASE_URLS", "CENTRAL_DATABASE_URL"] as const;

/** The environment of a command, and what whoever ran it may have to know of where it comes from. */
export interface CommandEnvironment {
  readonly variables: Environment;
  /** To be told at once; undefined where there is nothing to tell. */
  readonly notice: string | undefined;
  /** What to try where a database can't be reached, or is not configured. */
  readonly hint: string | undefined;
}

/**
 * The environment, and where it names no databases, those of a system that `npm start` runs in this directory or one
 * above it.
 *
 * They come together or not at all: with a source of another system, its central store would take in that source's
 * messages. An environment that names one of the local databases means that system, so it gets the rest of it.
 */
export function withLocalDatabases(given: Environment): CommandEnvironment {
  const names = databaseNames.filter((name) => given[name] || given[`${name}_FILE`]);
  const found = findLocalFolder(given.INIT_CWD ?? process.cwd());
  const isComplete = names.length === databaseNames.length;
  if (found === undefined || isComplete) return { ...nothing, variables: given };
  const file = join(found, localFile);
  if (!existsSync(file)) {
    const hint = `npm start has run in ${found}, and does not now: it runs the databases that are used where none are named`;
    return { variables: given, notice: undefined, hint: names.length === 0 ? hint : undefined };
  }
  const local = parseEnv(readFileSync(file, "utf8"));
  const variables = { ...local, ...given };
  if (names.every((name) => isSame(name, given, local))) {
    const hint = `the addresses are those of ${file}: npm start has written it, and is not running any more, or its PostgreSQL is not`;
    return { variables, notice: undefined, hint };
  }
  const others = Object.keys(local).filter((name) => !given[name] && !given[`${name}_FILE`]);
  const notice = `${file} is left out, which has ${others.join(" and ")}: ${names.join(" and ")} of the environment names another system`;
  return { variables: given, notice, hint: undefined };
}

const nothing = { notice: undefined, hint: undefined };

/** The directory, or one above it, in which `npm start` has run. */
function findLocalFolder(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, localFolder, "postgres")) || existsSync(join(folder, localFile))) {
      return folder;
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** Whether a variable names databases of the local system alone, by whatever user. */
function isSame(
  name: (typeof databaseNames)[number],
  given: Environment,
  local: Environment,
): boolean {
  try {
    const locals = addressesIn(name, local);
    return addressesIn(name, given).every((address) => locals.includes(address));
  } catch (error) {
    // What is wrong with it is told by the command that needs it.
    if (error instanceof ConfigurationError) return false;
    throw error;
  }
}

function addressesIn(name: (typeof databaseNames)[number], environment: Environment) {
  const value = environment[name];
  const file = environment[`${name}_FILE`];
  // Both kinds of addresses are read alike.
  const urls = readSourceUrls({ SOURCE_DATABASE_URLS: value, SOURCE_DATABASE_URLS_FILE: file });
  return urls.map((url) => withoutSecrets(url).replace(/^localhost(?=[:/])/, "127.0.0.1"));
}
