import { afterEach } from "vitest";
import { harnessName, type TestSystem } from "./databases.ts";
import { expectNothing } from "./process-leaks.ts";

/**
 * Fails each test of the calling file that leaves behind a database connection, beside what `check-leaks.ts` finds in
 * every file.
 */
export function failOnLeaks(system?: TestSystem): void {
  if (system === undefined) return;
  afterEach(async () => {
    await expectNothing(() => connectionsOf(system));
  });
}

async function connectionsOf({ singularity, central }: TestSystem): Promise<string[]> {
  const { rows } = await singularity.pool.query<{ name: string }>(
    `select 'connection of ' || application_name as name from pg_stat_activity
      where datname = any ($1) and application_name <> $2 and backend_type = 'client backend'`,
    [[singularity.name, central.name], harnessName],
  );
  return rows.map((row) => row.name);
}
