import { createClient, type Side } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import { findDrift, isComplete, recordsMissing } from "../catalog/find-drift.ts";
import { describeAll } from "../catalog/repair-drift.ts";
import { findPending, readStanding } from "./applied.ts";
import { ownershipStatements } from "./ownership.ts";
import { rolesAreWaiting } from "./roles.ts";

/** What a migration would change; nothing where the database is up to date. */
export interface MigrationPlan {
  readonly side: Side;
  readonly migrations: readonly string[];
  /** Whether functions, views, roles and grants would be applied. */
  readonly appliesObjects: boolean;
  /**
   * What differs from what was made, in words. Not known where migrations or objects are due: what they change
   * differs, too.
   */
  readonly repairs: readonly string[];
}

/**
 * Says what {@link migrate} would do to a database, by reading alone. Jobs that would be registered with
 * pg_cron are not among it.
 *
 * @throws {DatabaseNewerError} when the database is ahead of this build.
 */
export async function planMigration(side: Side, url: string): Promise<MigrationPlan> {
  const client = createClient(url, { applicationName: "centralcloud-migrate" });
  await client.connect();
  try {
    await client.query("begin read only");
    const plan = await planIn(side, client);
    await client.query("rollback");
    return plan;
  } finally {
    await client.end();
  }
}

async function planIn(side: Side, client: ClientBase): Promise<MigrationPlan> {
  const { records, state } = await readStanding(side, client);
  const { applied, objectsAreCurrent } = records;
  if (applied.length === 0 && (await isComplete(side, client))) {
    return { side, migrations: [], appliesObjects: true, repairs: [recordsMissing] };
  }
  const migrations = findPending(side, applied).map(({ name }) => name);
  const due = migrations.length > 0 || !objectsAreCurrent;
  if (due) return { side, migrations, appliesObjects: true, repairs: [] };
  const appliesObjects = await rolesAreWaiting(side, client);
  if (state?.isKnown) {
    return { side, migrations, appliesObjects, repairs: [] };
  }
  const owners = await ownershipStatements(side, client);
  const repairs = [...owners, ...describeAll(await findDrift(side, client))];
  return { side, migrations, appliesObjects, repairs };
}
