import { codeOf, sqlState } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import { createRecordsStatement, recordSchema } from "./side.ts";

/** How long a migration waits for a lock, in seconds; whoever comes after it waits as long. */
export const longestLockWaitS = 10;

/** The advisory lock of versions before: "ccmi" in ASCII. */
const formerKey = 0x63_63_6d_69;

/**
 * Lets one migration of a database run at a time: makes our records where they are missing, and locks them until the
 * end of the transaction. An application has no right on them, so it can't; an advisory lock any login could take.
 *
 * Two that make the records at the same time meet in the catalog: the second waits for the transaction of the first,
 * and is told that it was too late.
 *
 * @throws an error with `lock_not_available` where that takes too long.
 */
export async function lockRecords(transaction: ClientBase): Promise<void> {
  // Somebody's dump must not keep a migration waiting, and everybody else behind it.
  await transaction.query(
    `set local lock_timeout = '${longestLockWaitS}s'; set local search_path = public; savepoint records`,
  );
  try {
    await transaction.query(createRecordsStatement);
  } catch (error) {
    if (!madeMeanwhile.has(codeOf(error) ?? "")) throw error;
    await transaction.query(`rollback to savepoint records; ${createRecordsStatement}`);
  }
  await transaction.query(
    `release savepoint records; lock table ${recordSchema}.migrations in share row exclusive mode`,
  );
  if (await formerVersionRuns(transaction)) {
    await transaction.query("select pg_advisory_xact_lock($1)", [formerKey]);
  }
}

/** unique_violation in the catalog, duplicate_schema, duplicate_table. */
const madeMeanwhile: ReadonlySet<string> = new Set([sqlState.uniqueViolation, "42P06", "42P07"]);

/**
 * Versions before exclude each other by an advisory lock, so it is taken as well. Where somebody has it who could not
 * migrate, such as an application, it means nothing.
 */
async function formerVersionRuns(transaction: ClientBase): Promise<boolean> {
  const { rows } = await transaction.query<{ free: boolean; believed: boolean }>(
    `select l.free, not l.free and exists (
              select from pg_locks h
                join pg_stat_activity a on a.pid = h.pid
               where h.locktype = 'advisory' and h.granted and h.classid = 0 and h.objid = $1::bigint and h.objsubid = 1
                 and h.database = (select d.oid from pg_database d where d.datname = current_database())
                 and pg_has_role(a.usesysid, t.relowner, 'member')) as believed
       from pg_class t
      cross join lateral (select pg_try_advisory_xact_lock($1::bigint) as free offset 0) l
      where t.oid = $2::regclass`,
    [formerKey, `${recordSchema}.migrations`],
  );
  return rows[0]?.believed ?? false;
}
