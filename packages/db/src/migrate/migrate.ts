import {
  type Blocker,
  createClient,
  describeBlockers,
  findBlockers,
  type Side,
  sqlState,
  whileWatched,
  withClient,
} from "@centralcloud/postgres";
import type { Observe } from "@centralcloud/service";
import pg from "pg";
import { readCatalogState, recordDigest } from "../catalog/digest.ts";
import { findDrift, isComplete, recordsMissing } from "../catalog/find-drift.ts";
import { type RepairResult, type RepairScope, repairDrift } from "../catalog/repair-drift.ts";
import { findPending, objectsAreCurrent, readApplied } from "./applied.ts";
import { ensureExtensions } from "./extensions.ts";
import { type Migration, readJournal } from "./journal.ts";
import { lockRecords, longestLockWaitS } from "./lock-records.ts";
import { checksumOf, readObjects } from "./objects.ts";
import type { MigrationObservation } from "./observation.ts";
import { giveToOwner, ownershipStatements } from "./ownership.ts";
import { ensurePgmq } from "./pgmq.ts";
import { rolesAreWaiting } from "./roles.ts";
import { landedNameOf, recordSchema } from "./side.ts";
import { isUpToDate } from "./up-to-date.ts";

/** What a run changed; all empty when the database was up to date. */
export interface MigrationResult extends RepairResult {
  readonly side: Side;
  readonly migrations: readonly string[];
  readonly objectsApplied: number;
}

/** Somebody has held a lock for too long that a migration needs. */
export class MigrationBlockedError extends Error {
  readonly code = "migration_blocked";
  /** Whom it waited for, as far as was seen. */
  readonly blockers: readonly Blocker[];
  constructor(side: Side, blockers: readonly Blocker[], cause: unknown) {
    super(
      `the ${side} database could not be migrated: another transaction, such as a dump, has held a lock that the ` +
        `migration needs for more than ${longestLockWaitS} s. It waited for ${describeBlockers(blockers)}. ` +
        "Nothing was changed; run it again when that is over.",
      { cause },
    );
    this.blockers = blockers;
    this.name = "MigrationBlockedError";
  }
}

const applicationName = "centralcloud-migrate";

/** `warning_privilege_not_granted`: said by our roles and grants, and by PostgreSQL's own. */
const privilegeMissing = "01007";

/**
 * Brings one database up to date: pgcrypto and pgmq (on the Singularity side), pending migrations, then
 * every SQL object if any has changed, roles and what they are granted among them; then everything that differs from
 * what a fresh migration makes is repaired. All of it is one transaction: it happens whole or not at all. Where nothing
 * has changed since a migration of this build found all of it in order, that is all that is looked at. Runs at the
 * same time, from anywhere, wait for each other; the later ones find nothing to do. A role that can't be made or granted
 * stops nothing; it is observed. So is whom a run waits for, and no wait is longer than ten seconds. The jobs of a
 * Singularity database are not registered with pg_cron: `migrateAndSchedule` of the package scheduler does both.
 *
 * @param url a role that may create schemas and extensions.
 * @throws {DatabaseNewerError} when the database is ahead of this build.
 * @throws {MigrationBlockedError} when somebody holds a lock that it needs; nothing was changed.
 */
export async function migrate(
  side: Side,
  url: string,
  observe: Observe<MigrationObservation>,
): Promise<MigrationResult> {
  return await migrateDatabase(side, url, observe, true);
}

/** Migrates without a look at what the database should have: that is written down from what this makes. */
export async function migrateUncompared(side: Side, url: string): Promise<void> {
  await migrateDatabase(side, url, () => {}, false);
}

/** A statement of a migration may read a large table. */
const queryTimeoutMs = 24 * 3_600_000;

async function migrateDatabase(
  side: Side,
  url: string,
  observe: Observe<MigrationObservation>,
  compares: boolean,
): Promise<MigrationResult> {
  const options = { applicationName, queryTimeoutMs };
  const client = createClient(url, options);
  await client.connect();
  let waitedFor: readonly Blocker[] = [];
  const watch = {
    pid: client.processID ?? 0,
    ask: (pid: number) => withClient(url, options, (other) => findBlockers(other, pid)),
    tell(blockers: readonly Blocker[]) {
      waitedFor = blockers;
      const waitsFor = describeBlockers(blockers);
      observe({ event: "migration-waiting", side, waitsFor });
    },
  };
  try {
    const asking = compares && isUpToDate(side, client, longestLockWaitS * 1_000);
    if (asking !== false && (await whileWatched(watch, asking))) {
      return { side, migrations: [], objectsApplied: 0, repaired: [], remaining: [] };
    }
    // What happened is told once it is certain.
    const observations: MigrationObservation[] = [];
    client.on("notice", ({ code, message }) => {
      if (code !== privilegeMissing || message === undefined) return;
      observations.push({ event: "privilege-missing", side, message });
    });
    await client.query("begin");
    const keep: Observe<MigrationObservation> = (observation) => observations.push(observation);
    const result = await whileWatched(watch, migrateIn(side, client, keep, compares));
    await client.query("commit");
    for (const observation of observations) observe(observation);
    return result;
  } catch (error) {
    const isBlocked = error instanceof pg.DatabaseError && error.code === sqlState.lockNotAvailable;
    throw isBlocked ? new MigrationBlockedError(side, waitedFor, error) : error;
  } finally {
    await client.end();
  }
}

async function migrateIn(
  side: Side,
  client: pg.Client,
  observe: Observe<MigrationObservation>,
  compares: boolean,
): Promise<MigrationResult> {
  await lockRecords(client);
  const applied = await readApplied(side, client);
  const repaired = compares ? await restoreRecords(side, client, applied, observe) : [];
  const pending = repaired.length > 0 ? [] : findPending(side, applied);
  if (side === "source") {
    await ensureExtensions(client, observe);
    await ensurePgmq(client, observe);
  }
  for (const migration of pending) {
    for (const statement of migration.statements) await client.query(statement);
    await recordMigrations(side, client, [migration]);
    observe({ event: "migration-applied", side, migration: migration.name });
  }
  let objectsApplied = 0;
  if (await objectsAreDue(side, client, pending.length > 0)) {
    // Functions and views need their tables.
    if (compares && pending.length === 0) {
      repaired.push(...(await repairAndTell(side, client, observe, "tables")).repaired);
    }
    objectsApplied = await applyObjects(side, client);
    observe({ event: "objects-applied", side, count: objectsApplied });
  }
  const message = await giveToOwner(side, client);
  if (message !== undefined) observe({ event: "privilege-missing", side, message });
  const rest = compares ? await repairAndTell(side, client, observe, "everything") : nothing;
  if (compares && rest.remaining.length === 0) await recordWhatIsInOrder(side, client);
  return {
    side,
    migrations: pending.map(({ name }) => name),
    objectsApplied,
    repaired: [...repaired, ...rest.repaired],
    remaining: rest.remaining,
  };
}

/** So that nobody compares the database again before something of it changes. */
async function recordWhatIsInOrder(side: Side, client: pg.Client): Promise<void> {
  // Before the comparison: what changes meanwhile makes another digest.
  const state = await readCatalogState(side, client);
  if (state === undefined || state.isKnown) return;
  const { differences, rights } = await findDrift(side, client);
  const owners = await ownershipStatements(side, client);
  if (differences.length + rights.length + owners.length > 0) return;
  await recordDigest(side, client, state.digest);
}

const nothing: RepairResult = { repaired: [], remaining: [] };

async function repairAndTell(
  side: Side,
  client: pg.Client,
  observe: Observe<MigrationObservation>,
  scope: RepairScope,
): Promise<RepairResult> {
  const result = await repairDrift(side, client, scope);
  for (const what of result.repaired) observe({ event: "drift-repaired", side, what });
  for (const { what, reason } of result.remaining) {
    observe({ event: "drift-remains", side, what, reason });
  }
  return result;
}

/** Where only our records of what was applied are gone, everything has been applied. */
async function restoreRecords(
  side: Side,
  client: pg.Client,
  applied: readonly string[],
  observe: Observe<MigrationObservation>,
): Promise<string[]> {
  if (applied.length > 0 || !(await isComplete(side, client))) return [];
  await recordMigrations(side, client, readJournal(side));
  observe({ event: "drift-repaired", side, what: recordsMissing });
  return [recordsMissing];
}

async function recordMigrations(
  side: Side,
  client: pg.Client,
  migrations: readonly Migration[],
): Promise<void> {
  for (const { name, createdAt } of migrations) {
    await client.query(
      `insert into ${recordSchema}.migrations (plane, name, created_at) values ($1, $2, $3)`,
      [landedNameOf(side), name, createdAt],
    );
  }
}

async function objectsAreDue(side: Side, client: pg.Client, force: boolean): Promise<boolean> {
  if (force || !(await objectsAreCurrent(side, client))) return true;
  return await rolesAreWaiting(side, client);
}

async function applyObjects(side: Side, client: pg.Client): Promise<number> {
  const objects = readObjects(side);
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
    [landedNameOf(side), checksumOf(objects)],
  );
  return objects.length;
}
