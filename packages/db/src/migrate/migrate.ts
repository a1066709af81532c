import type { Observation, Observe } from "@centralcloud/service";
import pg from "pg";
import { connectionTo } from "../connect.ts";
import { registerSchedules, type ScheduleRegistration } from "../pg-cron/register-schedules.ts";
import { ensureExtensions } from "./extensions.ts";
import { type Migration, readJournal } from "./journal.ts";
import { checksumOf, readObjects } from "./objects.ts";
import { giveToOwner } from "./ownership.ts";
import { ensurePgmq } from "./pgmq.ts";
import { createRecordsStatement, type Plane, recordSchema } from "./plane.ts";
import { rolesAreWaiting } from "./roles.ts";

/** The database has migrations that this build does not know. */
export class DatabaseNewerError extends Error {
  readonly code = "database_newer";
  constructor(plane: Plane, unknown: readonly string[], newest: string) {
    super(
      `the ${plane} database is newer than this build: it has ${unknown.join(", ")}, ` +
        `and the newest migration known here is ${newest}. Run the newer build; nothing was changed.`,
    );
    this.name = "DatabaseNewerError";
  }
}

/** What a run changed; both empty when the database was up to date. */
export interface MigrationResult {
  readonly plane: Plane;
  readonly migrations: readonly string[];
  readonly objectsApplied: number;
  /** Where the server of a Singularity database has pg_cron. */
  readonly schedules?: ScheduleRegistration;
}

/** Any number that nobody else uses as an advisory lock key: "ccmi" in ASCII. */
const advisoryLockKey = 0x63_63_6d_69;

/** How long a migration waits for a table, in seconds; whoever comes after it waits as long. */
const longestLockWaitS = 10;

/** Somebody has held a lock for too long that a migration needs. */
export class MigrationBlockedError extends Error {
  readonly code = "migration_blocked";
  constructor(plane: Plane, cause: unknown) {
    super(
      `the ${plane} database could not be migrated: another transaction, such as a dump, has held a lock that the ` +
        `migration needs for more than ${longestLockWaitS} s. Nothing was changed; run it again when that is over ` +
        "(pg_stat_activity says who it is).",
      { cause },
    );
    this.name = "MigrationBlockedError";
  }
}

/** `lock_not_available` */
const lockNotAvailable = "55P03";

/** `warning_privilege_not_granted`: said by our roles and grants, and by PostgreSQL's own. */
const privilegeMissing = "01007";

/**
 * Brings one database up to date: pgcrypto and pgmq (on the Singularity side), pending migrations, then
 * every SQL object if any has changed, roles and what they are granted among them. All of it is one
 * transaction: it happens whole or not at all. Runs at the same time, from anywhere, wait for each other
 * on an advisory lock; the later ones find nothing to do. A role that can't be made or granted stops
 * nothing; it is observed.
 *
 * Then, outside of it, the jobs of a Singularity database are registered with pg_cron, where the server
 * has it; where that is not permitted, the result says so, and the scheduler process runs them.
 *
 * @param url a role that may create schemas and extensions.
 * @throws {DatabaseNewerError} when the database is ahead of this build.
 * @throws {MigrationBlockedError} when somebody holds a lock that it needs; nothing was changed.
 */
export async function migrate(
  plane: Plane,
  url: string,
  observe: Observe,
): Promise<MigrationResult> {
  const result = await migrateDatabase(plane, url, observe);
  if (plane === "central") return result;
  const schedules = await registerSchedules(url);
  if (schedules.runner === "scheduler" && schedules.reason === undefined) return result;
  observeSchedules(schedules, observe);
  return { ...result, schedules };
}

async function migrateDatabase(
  plane: Plane,
  url: string,
  observe: Observe,
): Promise<MigrationResult> {
  const client = new pg.Client({ ...connectionTo(url), application_name: "centralcloud-migrate" });
  // An error on an idle connection also rejects the query that follows; unheard, it would end the process.
  client.on("error", () => {});
  await client.connect();
  try {
    // What happened is told once it is certain.
    const observations: Observation[] = [];
    client.on("notice", ({ code, message }) => {
      if (code !== privilegeMissing || message === undefined) return;
      observations.push({ event: "privilege-missing", database: plane, message });
    });
    await client.query("begin");
    const result = await migrateIn(plane, client, (observation) => observations.push(observation));
    await client.query("commit");
    for (const observation of observations) observe(observation);
    return result;
  } catch (error) {
    const isBlocked = error instanceof pg.DatabaseError && error.code === lockNotAvailable;
    throw isBlocked ? new MigrationBlockedError(plane, error) : error;
  } finally {
    await client.end();
  }
}

function observeSchedules(schedules: ScheduleRegistration, observe: Observe): void {
  const database = "singularity";
  if (schedules.runner === "scheduler") {
    observe({ event: "pg-cron-unusable", database, reason: schedules.reason ?? "" });
    return;
  }
  const { owner, added, changed, removed } = schedules;
  if (added.length + changed.length + removed.length === 0) return;
  observe({ event: "schedules-registered", database, owner, added, changed, removed });
}

async function migrateIn(
  plane: Plane,
  client: pg.Client,
  observe: Observe,
): Promise<MigrationResult> {
  await client.query("select pg_advisory_xact_lock($1)", [advisoryLockKey]);
  // Somebody's dump must not keep a migration waiting, and everybody else behind it.
  await client.query(`set local lock_timeout = '${longestLockWaitS}s'`);
  await client.query("set local search_path = public");
  await client.query(createRecordsStatement);
  const pending = await pendingMigrations(plane, client);
  const database = plane;
  if (plane === "singularity") {
    await ensureExtensions(client, observe);
    await ensurePgmq(client, observe);
  }
  for (const migration of pending) {
    for (const statement of migration.statements) await client.query(statement);
    await client.query(
      `insert into ${recordSchema}.migrations (plane, name, created_at) values ($1, $2, $3)`,
      [plane, migration.name, migration.createdAt],
    );
    observe({ event: "migration-applied", database, migration: migration.name });
  }
  const objectsApplied = await applyObjects(plane, client, pending.length > 0);
  if (objectsApplied > 0) observe({ event: "objects-applied", database, count: objectsApplied });
  const message = await giveToOwner(plane, client);
  if (message !== undefined) observe({ event: "privilege-missing", database, message });
  return { plane, migrations: pending.map(({ name }) => name), objectsApplied };
}

async function pendingMigrations(plane: Plane, client: pg.Client): Promise<readonly Migration[]> {
  const journal = readJournal(plane);
  const { rows } = await client.query<{ name: string }>(
    `select name from ${recordSchema}.migrations where plane = $1 order by created_at`,
    [plane],
  );
  const applied = new Set(rows.map(({ name }) => name));
  const known = new Set(journal.map(({ name }) => name));
  const unknown = [...applied].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new DatabaseNewerError(plane, unknown, journal.at(-1)?.name ?? "none");
  }
  return journal.filter(({ name }) => !applied.has(name));
}

async function applyObjects(plane: Plane, client: pg.Client, force: boolean): Promise<number> {
  const objects = readObjects(plane);
  const checksum = checksumOf(objects);
  const { rows } = await client.query<{ checksum: string }>(
    `select checksum from ${recordSchema}.objects where plane = $1`,
    [plane],
  );
  const isCurrent = !force && rows[0]?.checksum === checksum;
  if (isCurrent && !(await rolesAreWaiting(plane, client))) return 0;
  // Functions may name each other and views in any order; their bodies are checked when all are there.
  await client.query("set local check_function_bodies = off");
  for (const { path, statements } of objects) {
    try {
      await client.query(statements);
    } catch (error) {
      throw new Error(`sql/${path}: ${(error as Error).message}`, { cause: error });
    }
  }
  await client.query(
    `insert into ${recordSchema}.objects (plane, checksum) values ($1, $2)
     on conflict (plane) do update set checksum = excluded.checksum, applied_at = now()`,
    [plane, checksum],
  );
  return objects.length;
}
