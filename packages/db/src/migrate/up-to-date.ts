import {
  codeOf,
  DatabaseUnreachableError,
  sqlState,
  UnfitDatabaseError,
  withClient,
} from "@centralcloud/postgres";
import pg, { type ClientBase } from "pg";
import { readCatalogState } from "../catalog/digest.ts";
import { inShortTransaction } from "../short-transaction.ts";
import { areOfThisBuild, readRecords } from "./applied.ts";
import type { Plane } from "./plane.ts";
import { rolesAreWaiting } from "./roles.ts";

/** A table that is locked for longer is waited for by the migration itself, in milliseconds. */
const shortestLockMs = 500;

/**
 * Whether {@link migrate} would surely do nothing to a database, whose jobs no pg_cron runs either. One connection and a
 * few round trips, so that it can be asked of all databases before the first of them is changed.
 *
 * @throws {DatabaseUnreachableError}
 */
export async function hasNothingToMigrate(plane: Plane, url: string): Promise<boolean> {
  try {
    return await withClient(url, { applicationName: "centralcloud-migrate" }, async (client) => {
      try {
        if (!(await isUpToDate(plane, client, shortestLockMs))) return false;
        return plane === "central" || !(await mayHavePgCron(client));
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

/** The setting is there wherever the library is loaded; a login that may not read it can't tell. */
async function mayHavePgCron(client: ClientBase): Promise<boolean> {
  try {
    const { rows } = await client.query<{ database: string | null }>(
      "select current_setting('cron.database_name', true) as database",
    );
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
export async function isUpToDate(
  plane: Plane,
  client: ClientBase,
  lockMs: number,
): Promise<boolean> {
  try {
    return await inShortTransaction(client, longestMs, () => look(plane, client), lockMs);
  } catch (error) {
    if (codeOf(error) === sqlState.insufficientPrivilege) return false;
    throw error;
  }
}

async function look(plane: Plane, client: ClientBase): Promise<boolean> {
  if (!areOfThisBuild(plane, await readRecords(plane, client))) return false;
  const state = await readCatalogState(plane, client);
  return state?.isKnown === true && !(await rolesAreWaiting(plane, client));
}
