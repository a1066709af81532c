import { createClient } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import { findDrift, isComplete, recordsMissing } from "../catalog/find-drift.ts";
import { describeAll } from "../catalog/mend-drift.ts";
import { findPending, readStanding } from "./applied.ts";
import { ownershipStatements } from "./ownership.ts";
import type { Plane } from "./plane.ts";
import { rolesAreWaiting } from "./roles.ts";

/** What a migration would change; nothing where the database is up to date. */
export interface MigrationPlan {
  readonly plane: Plane;
  readonly migrations: readonly string[];
  /** Whether functions, views, roles and grants would be applied. */
  readonly appliesObjects: boolean;
  /**
   * What differs from what was made, in words. Not known where migrations or objects are due: what they change
   * differs, too.
   */
  readonly mends: readonly string[];
}

/**
 * Says what {@link migrate} would do to a database, by reading alone. Jobs that would be registered with
 * pg_cron are not among it.
 *
 * @throws {DatabaseNewerError} when the database is ahead of this build.
 */
export async function planMigration(plane: Plane, url: string): Promise<MigrationPlan> {
  const client = createClient(url, { applicationName: "centralcloud-migrate" });
  await client.connect();
  try {
    await client.query("begin read only");
    const plan = await planIn(plane, client);
    await client.query("rollback");
    return plan;
  } finally {
    await client.end();
  }
}

async function planIn(plane: Plane, client: ClientBase): Promise<MigrationPlan> {
  const { records, state } = await readStanding(plane, client);
  const { applied, objectsAreCurrent } = records;
  if (applied.length === 0 && (await isComplete(plane, client))) {
    return { plane, migrations: [], appliesObjects: true, mends: [recordsMissing] };
  }
  const migrations = findPending(plane, applied).map(({ name }) => name);
  const due = migrations.length > 0 || !objectsAreCurrent;
  if (due) return { plane, migrations, appliesObjects: true, mends: [] };
  const appliesObjects = await rolesAreWaiting(plane, client);
  if (state?.isKnown) {
    return { plane, migrations, appliesObjects, mends: [] };
  }
  const owners = await ownershipStatements(plane, client);
  const mends = [...owners, ...describeAll(await findDrift(plane, client))];
  return { plane, migrations, appliesObjects, mends };
}
