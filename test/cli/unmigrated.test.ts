import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";

const system = useSystem();
failOnLeaks(system);
let empty: TestDatabase;
beforeAll(async () => {
  empty = await createTestDatabase();
});
afterAll(() => dropTestDatabase(empty));

const why = ["--reason", "a test"];
const ofSources = [
  ["queues"],
  ["jobs"],
  ["jobs", "run", "cleanup-job-runs-daily"],
  ["keys", "list"],
  ["dlq", "list"],
  ["dlq", "list", "--groups"],
  ["dlq", "show", "1"],
  ["dlq", "export"],
  ["cdc", "peek"],
];
const ofTheCentralStore = [
  ["keys", "list"],
  ["sessions", "show", "1"],
  ["cdc", "log"],
];
const ofBoth = [
  ["dlq", "replay", "1", ...why],
  ["dlq", "discard", "1", ...why],
  ["dlq", "import", "/etc/hostname", ...why],
  ["replay-archive", "--all", ...why],
  ["cdc", "status"],
  ["cdc", "recreate", ...why],
  ["cdc", "drop", ...why],
  ["reconcile"],
  ["drain", "--timeout", "5"],
];
const named = (lists: string[][]) => lists.map((words) => [words.join(" "), words] as const);

describe("a source that is not migrated", () => {
  test.each(named([...ofSources, ...ofBoth]))("%s says so, and what to run", async (_, words) => {
    const environment = { ...environmentOf(system), SOURCE_DATABASE_URLS: empty.url };
    const { exitCode, stderr } = await runCommand(words, environment);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("is not migrated");
    expect(stderr).toContain("run `centralcloud migrate --only singularity`");
    expect(stderr).toContain(empty.name);
  });
});

describe("a central store that is not migrated", () => {
  test.each(named([...ofTheCentralStore, ...ofBoth]))(
    "%s says so, and what to run",
    async (_, words) => {
      const environment = { ...environmentOf(system), CENTRAL_DATABASE_URL: empty.url };
      const { exitCode, stderr } = await runCommand(words, environment);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("is not migrated");
      expect(stderr).toContain("run `centralcloud migrate");
    },
  );
});

test("a source of an older build, which lacks what is asked for, is told from one that has no rows", async () => {
  await system.singularity.pool.query("alter view scheduled_jobs_status rename to set_aside");
  try {
    const { exitCode, stderr } = await runCommand(["jobs"], environmentOf(system));
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${system.singularity.name} could not be asked`);
    expect(stderr).toContain("by another build than this: run `centralcloud migrate`");
  } finally {
    await system.singularity.pool.query("alter view set_aside rename to scheduled_jobs_status");
  }
});
