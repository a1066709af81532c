import { withClient } from "@centralcloud/postgres";
import type pg from "pg";
import type { ClientBase } from "pg";

/** pg_cron is loaded, but can't be used; the message says why. */
export class PgCronUnusableError extends Error {
  readonly code = "pg_cron_unusable";
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "PgCronUnusableError";
  }
}

/** The one database of a server in which pg_cron keeps its jobs, connected. */
export interface CronDatabase {
  /** Connected to pg_cron's database. */
  readonly client: pg.Client;
  readonly name: string;
  /** The name of the source's database. */
  readonly source: string;
}

const options = { applicationName: "centralcloud-schedules" };

/** pg_cron's own policies show a role its own jobs and runs only; ours are all that we look for. */
const cronOptions = { ...options, anyDatabase: true, sessionSettings: { row_security: "on" } };

/**
 * Connects to the source and to the database of pg_cron on the same server, with the same credentials,
 * for as long as `use` takes. The server is asked which one it is; where pg_cron is not loaded, `use`
 * is not called and the result is undefined.
 *
 * @throws {PgCronUnusableError} where this role can't find or reach it.
 */
export async function withCronDatabase<Result>(
  url: string,
  use: (cron: CronDatabase, source: ClientBase) => Promise<Result>,
): Promise<Result | undefined> {
  return await withClient(url, options, (source) => withCronDatabaseOf({ url, source }, use));
}

/**
 * The same for whoever has a connection to the source already, and no transaction open on it: behind a pooler the other
 * connection might wait for its end.
 */
export async function withCronDatabaseOf<Result>(
  { url, source }: { readonly url: string; readonly source: ClientBase },
  use: (cron: CronDatabase, source: ClientBase) => Promise<Result>,
): Promise<Result | undefined> {
  const found = await findPgCron(source);
  if (found === undefined) return undefined;
  const elsewhere = new URL(url);
  elsewhere.pathname = `/${encodeURIComponent(found.name)}`;
  let isConnected = false;
  try {
    return await withClient(elsewhere.href, cronOptions, (client) => {
      isConnected = true;
      return use({ ...found, client }, source);
    });
  } catch (error) {
    if (isConnected) throw error;
    const { message } = error as Error;
    throw new PgCronUnusableError(`its database ${found.name} can't be reached: ${message}`, error);
  }
}

async function findPgCron(
  source: ClientBase,
): Promise<{ readonly name: string; readonly source: string } | undefined> {
  const { rows } = await source
    .query<{ name: string | null; source: string }>(
      "select current_setting('cron.database_name', true) as name, current_database() as source",
    )
    .catch((error: unknown) => {
      // The setting is there, or it could not be forbidden.
      if ((error as { code?: string }).code === "42501") return findPgCronHere(source);
      throw error;
    });
  const [row] = rows;
  return row?.name ? { name: row.name, source: row.source } : undefined;
}

/** For a role that may not read the setting: it sees whether pg_cron is in the source's own database. */
async function findPgCronHere(source: ClientBase) {
  const found = await source.query<{ name: string; source: string }>(
    `select current_database() as name, current_database() as source
      where to_regclass('cron.job') is not null`,
  );
  if (found.rows.length > 0) return found;
  throw new PgCronUnusableError(
    "this role may not see which database it is in; grant pg_read_all_settings to it",
  );
}
