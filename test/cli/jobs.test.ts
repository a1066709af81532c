import { beforeAll, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const learning = "learn-patterns-every-5min";
const query = async (text: string) => (await system.singularity.pool.query(text)).rows;
const idle = "begin return query select 1; end";

beforeAll(async () => {
  await declareJob(system.singularity, "failing-job", {
    body: "begin raise exception 'out of luck'; end",
  });
});

test("an unknown job is wrong usage, and those there are are named", async () => {
  const { exitCode, stdout, stderr } = await runCommand(
    ["jobs", "run", "learn"],
    environmentOf(system),
  );
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toMatch(/^error: there is no job 'learn'; the jobs are archive-tasks-daily, /);
  const typo = await runCommand(["jobs", "rnu", learning], environmentOf(system));
  expect(typo.exitCode).toBe(2);
});

test("a job that fails prints its result, says why, and exits with 1", async () => {
  const { exitCode, stdout, stderr } = await runCommand(
    ["jobs", "run", "failing-job"],
    environmentOf(system),
  );
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    source: system.singularity.name,
    job: "failing-job",
    status: "failed",
    result: null,
    error: "out of … (P0001)",
  });
  expect(stderr).toContain("failing-job failed: out of …");
});

test("a job that is running already is skipped, which is not what was asked for", async () => {
  const client = await system.singularity.pool.connect();
  await client.query("begin");
  await client.query("select run_job('cleanup-job-runs-daily')");
  const { exitCode, stdout, stderr } = await runCommand(
    ["jobs", "run", "cleanup-job-runs-daily"],
    environmentOf(system),
  );
  await client.query("commit");
  client.release();
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ status: "skipped" });
  expect(stderr).toContain("is running already");
});

test("jobs run does the job and prints what it returned", async () => {
  await query(
    `insert into analysis_results (agent_id, result, confidence) values ('agent-1', '{"type":"retry"}', 0.9)`,
  );
  const { exitCode, stdout, stderr } = await runCommand(
    ["jobs", "run", learning],
    environmentOf(system),
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual({
    source: system.singularity.name,
    job: learning,
    status: "succeeded",
    result: [{ patterns_learned: 1, patterns_queued: 1 }],
    error: null,
    startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    finishedAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
});

test("jobs tells the state of each job, as a table and as JSON", async () => {
  const { exitCode, stdout } = await runCommand(["jobs", "--json"], environmentOf(system));
  expect(exitCode).toBe(0);
  const reports = JSON.parse(stdout) as { job: string }[];
  expect(reports).toHaveLength(10);
  expect(reports.find(({ job }) => job === learning)).toEqual({
    source: system.singularity.name,
    job: learning,
    schedule: "*/5 * * * *",
    description: expect.any(String),
    lastStartedAt: expect.stringMatching(/Z$/),
    lastStatus: "succeeded",
    lastDurationMs: expect.any(Number),
    lastError: null,
    lastStartedBy: "operator",
    lastSuccessAt: expect.stringMatching(/Z$/),
    runCount24h: 1,
    failureCount24h: 0,
    skippedCount24h: 0,
    runner: null,
  });
  const table = (await runCommand(["jobs"], environmentOf(system))).stdout.split("\n");
  expect(table[0]).toMatch(/^source +job +schedule +lastRun +status +ms +by +runs24h +failures24h/);
  const line = table.find((text) => text.includes("failing-job"));
  expect(line).toMatch(/ failed +\d+ +operator +1 +1 +out of … \(P0001\)$/);
});

test("where there are several sources, one has to be chosen", async () => {
  const other: TestDatabase = await createTestDatabase("source");
  const environment = {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: `${system.singularity.url} ${other.url}`,
  };
  const names = `${system.singularity.name}, ${other.name}`;
  const unclear = await runCommand(["jobs", "run", learning], environment);
  expect(unclear).toMatchObject({ exitCode: 2, stdout: "" });
  expect(unclear.stderr).toContain(`choose one with --source: ${names}`);
  const wrong = await runCommand(["jobs", "run", learning, "--source", "x"], environment);
  expect(wrong.exitCode).toBe(2);
  const right = await runCommand(["jobs", "run", learning, "--source", other.name], environment);
  expect(right.exitCode).toBe(0);
  const { rows } = await other.pool.query("select job_name from job_runs");
  expect(rows).toEqual([{ job_name: learning }]);
  await dropTestDatabase(other);
});

test("a database that can't be reached is exit code 3", async () => {
  const environment = { SOURCE_DATABASE_URLS: "postgres://user:hunter2@127.0.0.1:1/nothing" };
  for (const words of [["jobs"], ["jobs", "run", learning]]) {
    expect((await runCommand(words, environment)).exitCode).toBe(3);
  }
});

test("of two scheduler processes the second takes over when the first is killed; SIGTERM ends it", async () => {
  await declareJob(system.singularity, "heartbeat-job", { body: idle, schedule: "* * * * * *" });
  const beats = async () =>
    (await query("select from job_runs where job_name = 'heartbeat-job'")).length;
  const first = startCommand(["scheduler"], environmentOf(system));
  await until("the first leads", () => first.output().includes("scheduler-leading"));
  const second = startCommand(["scheduler"], environmentOf(system));
  await until("the second stands by", () => second.output().includes("scheduler-standing-by"));
  await until("the job runs", async () => (await beats()) > 0);
  first.child.kill("SIGKILL");
  await first.finished;
  await until("the second leads", () => second.output().includes("scheduler-leading"), 5_000);
  const before = await beats();
  await until("the job runs again", async () => (await beats()) > before);
  second.child.kill("SIGTERM");
  const { exitCode, stdout, stderr } = await second.finished;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toContain('"msg":"job-finished"');
});

test("a job that is run by hand is on record, with how it ended, and runs without the central store, too", async () => {
  const environment = environmentOf(system);
  await system.central.pool.query("delete from central.operator_actions");
  const words = ["jobs", "run", "failing-job", "--reason", "it is late", "--actor", "ann@desk"];
  expect((await runCommand(words, environment)).exitCode).toBe(1);
  expect((await runCommand(["jobs", "run", learning], environment)).exitCode).toBe(0);
  const { stdout } = await runCommand(["actions", "list", "--json"], environment);
  const selection = { job: learning, source: system.singularity.name };
  expect(JSON.parse(stdout)).toMatchObject([
    { kind: "job-run", state: "done", reason: "run by hand", channel: "cli", selection },
    {
      kind: "job-run",
      state: "failed",
      actor: "ann@desk",
      reason: "it is late",
      error: "the job failed",
    },
  ]);
  const alone = { ...environment, CENTRAL_DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing" };
  expect(await runCommand(["jobs", "run", learning], alone)).toMatchObject({
    exitCode: 0,
    stderr: "",
  });
});
