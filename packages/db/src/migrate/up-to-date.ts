import {
  codeOf,
  DatabaseUnreachableError,
  inShortTransaction,
  type Side,
  sqlState,
  UnfitDatabaseError,
  withClient,
} from "@centralcloud/postgres";
import pg, { type ClientBase } from "pg";
import { areOfThisBuild, readStanding } from "./applied.ts";
import { waitingQuery } from "./roles.ts";

/** A table that is locked for longer is waited for by the migration itself, in milliseconds. */
const shortestLockMs = 500;

/**
 * Whether {@link migrate} would surely do nothing to a database, whose jobs no pg_cron runs either. One connection and a
 * few round trips, so that it can be asked of all databases before the first of them is changed.
 *
 * @throws {DatabaseUnreachableError}
 */
export async function hasNothingToMigrate(side: Side, url: string): Promise<boolean> {
  try {
    return await withClient(url, { applicationName: "centralcloud-migrate" }, async (client) => {
      try {
        const found = await lookShortly(side, client, shortestLockMs, [cronQuery]);
        if (!found.isUpToDate) return false;
        return side === "central" || !(found.cron ?? (await mayHavePgCron(client)));
      } catch (error) {
        // The migration meets it, too, and says more of it.
        if (error instanceof pg.DatabaseError) return false;
        throw error;
      }
    });
  } catch (error) {
    if (error instanceof UnfitDatabaseError) return false;
    throw new DatabaseUnreachableError(url, error);
  }
}

const cronQuery = "select current_setting('cron.database_name', true) as database";

/** The setting is there wherever the library is loaded; a login that may not read it can't tell. */
async function mayHavePgCron(client: ClientBase): Promise<boolean> {
  try {
    const { rows } = await client.query<{ database: string | null }>(cronQuery);
    return rows[0]?.database !== null;
  } catch (error) {
    if (codeOf(error) === sqlState.insufficientPrivilege) return true;
    throw error;
  }
}

/** How long each statement of it may take, in milliseconds. */
const longestMs = 60_000;

/**
 * Whether a migration would find nothing to do: the database has all migrations and objects of this build, was as it
 * should be when a migration last compared it, and nothing has changed since. Changes nothing and waits for nobody's
 * migration. A login that may not see enough of it to tell is told no.
 *
 * @param lockMs how long it waits for a table that somebody has locked, in milliseconds.
 */
export async function isUpToDate(side: Side, client: ClientBase, lockMs: number): Promise<boolean> {
  return (await lookShortly(side, client, lockMs)).isUpToDate;
}

async function lookShortly(
  side: Side,
  client: ClientBase,
  lockMs: number,
  also: readonly string[] = [],
): Promise<Look> {
  try {
    return await inShortTransaction(client, longestMs, () => look(side, client, also), lockMs);
  } catch (error) {
    if (codeOf(error) === sqlState.insufficientPrivilege) return { isUpToDate: false };
    throw error;
  }
}

interface Look {
  readonly isUpToDate: boolean;
  /** Whether pg_cron may have its jobs; undefined where that was not told. */
  readonly cron?: boolean;
}

/** @param also asked in the same round trip: of pg_cron. */
async function look(side: Side, client: ClientBase, also: readonly string[]): Promise<Look> {
  const queries = [waitingQuery(side), ...also];
  const { records, state, others } = await readStanding(side, client, queries);
  if (others === undefined) return { isUpToDate: false };
  const [waiting, cron] = others as [
    readonly { waiting: boolean | null }[],
    (readonly { database: string | null }[])?,
  ];
  const isUpToDate =
    areOfThisBuild(side, records) && state?.isKnown === true && waiting[0]?.waiting !== true;
  return { isUpToDate, ...(cron === undefined ? {} : { cron: cron[0]?.database !== null }) };
}
