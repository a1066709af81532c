import type { MigrationResult } from "@centralcloud/db";
import { type Side, withoutSecrets } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { DatabaseUrls } from "./configuration.ts";
import { messageOf } from "./failure.ts";
import { unlessAborted } from "./late-part.ts";
import type { Observation } from "./observation.ts";

/** A database could not be brought up to date; it is as it was before. */
class MigrationFailedError extends Error {
  readonly code = "migration_failed";
  constructor(side: Side, url: string, cause: unknown) {
    super(
      `the ${side} database ${withoutSecrets(url)} could not be migrated: ${messageOf(cause)}`,
      { cause },
    );
    this.name = "MigrationFailedError";
  }
}

export interface Migrations extends Part {
  /** What was done, for the terminal. */
  readonly summary: string;
}

/** Brings every database up to date. A step rather than a running part: its stop does nothing. */
export function createMigrations(
  readUrls: () => DatabaseUrls,
  observe: Observe<Observation>,
): Migrations {
  const results: MigrationResult[] = [];
  const part = definePart({
    name: "migrations",
    async start(signal) {
      const { sourceUrls, centralUrl } = readUrls();
      const targets = [
        ...sourceUrls.map((url) => ({ side: "source" as const, url })),
        { side: "central" as const, url: centralUrl },
      ];
      for (const { side, url } of targets) {
        try {
          results.push(await unlessAborted(migrateAndSchedule(side, url, observe), signal));
        } catch (error) {
          signal.throwIfAborted();
          throw new MigrationFailedError(side, url, error);
        }
      }
    },
    async stop() {},
  });
  return {
    ...part,
    get summary() {
      return results.map(summarize).join(", ");
    },
  };
}

function summarize({ side, migrations, objectsApplied }: MigrationResult): string {
  if (migrations.length > 0) {
    return `${side}: ${migrations.length} applied`;
  }
  return `${side}: ${objectsApplied > 0 ? "functions renewed" : "up to date"}`;
}
