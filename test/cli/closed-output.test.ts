import { expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);

/** A command whose reader has gone before it wrote anything, as with `| true`. */
async function withoutReader(words: string) {
  const { child, finished } = startCommand(words.split(" "), environmentOf(system));
  child.stdout?.destroy();
  const { exitCode, stderr } = await finished;
  return { exitCode, stderr };
}

test.each([
  "--help",
  "dlq --help",
  "jobs",
  "queues --json",
  "doctor --help",
  "dlq list",
  "dlq export",
  "keys list",
])("`centralcloud %s | true` ends quietly", async (words) => {
  expect(await withoutReader(words)).toEqual({ exitCode: 0, stderr: "" });
});

test("a mistake is told nevertheless, with its exit code", async () => {
  expect(await withoutReader("no-such-command")).toEqual({
    exitCode: 2,
    stderr: expect.stringMatching(/^error: unknown command/),
  });
});

test("what was asked for is done, whoever reads of it", async () => {
  expect(await withoutReader("jobs run cleanup-job-runs-daily")).toMatchObject({ exitCode: 0 });
  const { rows } = await system.singularity.pool.query("select job_name, status from job_runs");
  expect(rows).toEqual([{ job_name: "cleanup-job-runs-daily", status: "succeeded" }]);
});
