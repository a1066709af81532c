import { queueNames } from "@centralcloud/contracts";
import { type DoctorOptions, diagnose, type Finding } from "@centralcloud/doctor";
import { afterEach, expect } from "vitest";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  type TestSystem,
} from "./databases.ts";

/** What the doctor says of a test's databases, some of them changed. */
export async function examine(
  { singularity, central }: TestSystem,
  options: Partial<DoctorOptions> = {},
): Promise<readonly Finding[]> {
  const { findings } = await diagnose({
    sourceUrls: [singularity.url],
    centralUrl: central.url,
    queues: queueNames,
    ...options,
  });
  return findings;
}

export interface OpenedSources {
  /** A database for the calling test alone: a source in which something is changed, or an empty one. */
  open(side?: "source", statements?: string): Promise<TestDatabase>;
  /** What one check finds in a source that is changed so. */
  examine(check: string, statements?: string): Promise<readonly Finding[]>;
}

/** Databases of single tests of the calling file, each dropped after its test. */
export function useSources(system: TestSystem): OpenedSources {
  const opened: TestDatabase[] = [];
  afterEach(async () => {
    for (const database of opened.splice(0)) await dropTestDatabase(database);
  });

  async function open(side?: "source", statements?: string): Promise<TestDatabase> {
    const database = await createTestDatabase(side);
    opened.push(database);
    if (statements !== undefined) await database.pool.query(statements);
    return database;
  }

  return {
    open,
    async examine(check, statements) {
      const source = await open("source", statements);
      const findings = await examine(system, { sourceUrls: [source.url] });
      return findings.filter(
        (finding) => finding.check === check && finding.database.startsWith("source"),
      );
    },
  };
}

export function problem(severity: "warning" | "error", message: RegExp, remedy: RegExp) {
  return expect.objectContaining({
    severity,
    message: expect.stringMatching(message),
    remedy: expect.stringMatching(remedy),
  });
}
