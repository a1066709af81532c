import pg from "pg";
import { connectionTo } from "../connect.ts";

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
  /** Connected to pg_cron's database; that of the source, where they are one. */
  readonly client: pg.Client;
  readonly name: string;
  /** The name of the source's database. */
  readonly source: string;
}

const applicationName = "centralcloud-schedules";

/**
 * Connects to the source and to the database of pg_cron on the same server, with the same credentials,
 * for as long as `use` takes. The server is asked which one it is; where pg_cron is not loaded, `use`
 * is not called and the result is undefined.
 *
 * @throws {PgCronUnusableError} where this role can't find or reach it.
 */
export async function withCronDatabase<Result>(
  url: string,
  use: (cron: CronDatabase, source: pg.Client) => Promise<Result>,
): Promise<Result | undefined> {
  return await withClient(url, async (source) => {
    const found = await findPgCron(source);
    if (found === undefined) return undefined;
    if (found.name === found.source) return await use({ ...found, client: source }, source);
    const elsewhere = new URL(url);
    elsewhere.pathname = `/${encodeURIComponent(found.name)}`;
    let isConnected = false;
    try {
      return await withClient(elsewhere.href, (client) => {
        isConnected = true;
        return use({ ...found, client }, source);
      });
    } catch (error) {
      if (isConnected) throw error;
      const { message } = error as Error;
      throw new PgCronUnusableError(
        `its database ${found.name} can't be reached: ${message}`,
        error,
      );
    }
  });
}

async function findPgCron(
  source: pg.Client,
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
async function findPgCronHere(source: pg.Client) {
  const found = await source.query<{ name: string; source: string }>(
    `select current_database() as name, current_database() as source
      where to_regclass('cron.job') is not null`,
  );
  if (found.rows.length > 0) return found;
  throw new PgCronUnusableError(
    "this role may not see which database it is in; grant pg_read_all_settings to it",
  );
}

async function withClient<Result>(
  url: string,
  use: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    ...connectionTo(url),
    application_name: applicationName,
    connectionTimeoutMillis: 5_000,
  });
  // The query that is under way, or the next one, rejects.
  client.on("error", () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}
