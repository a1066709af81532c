import { readFileSync } from "node:fs";
import { refreshMetricsNow } from "@centralcloud/client";
import {
  checkJobHealth,
  nextDue,
  readJobTimes,
  runJob,
  scheduledJobsStatus,
  UnknownJobError,
} from "@centralcloud/scheduler";
import { sqlDirectory } from "@centralcloud/sql";
import { beforeEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const query = async (text: string, values?: unknown[]) =>
  (await system.singularity.pool.query(text, values)).rows;

beforeEach(() => query("truncate job_runs"));

describe("run_job", () => {
  test("a job that fails is undone, recorded with its error, and not raised", async () => {
    await query("create table traces (id int); grant insert on traces to centralcloud_owner");
    await declareJob(system.singularity, "failing-job", {
      body: "begin insert into public.traces values (1); raise exception 'out of luck'; end",
    });
    const run = await runJob(system.singularity.pool, "failing-job", "test");
    expect(run).toMatchObject({ status: "failed", result: null, error: "out of luck (P0001)" });
    expect(await query("select * from traces")).toEqual([]);
    expect(await query("select job_name, status, error, started_by from job_runs")).toEqual([
      { job_name: "failing-job", status: "failed", error: run.error, started_by: "test" },
    ]);
  });

  test("a job that is cancelled, or takes too long, is recorded as failed too", async () => {
    await declareJob(system.singularity, "slow-job", { body: "begin perform pg_sleep(60); end" });
    const client = await system.singularity.pool.connect();
    await client.query("set statement_timeout = 50");
    const run = await runJob(client, "slow-job", "test");
    client.release(true);
    expect(run).toMatchObject({ status: "failed", error: expect.stringContaining("57014") });
    expect(await query("select status from job_runs")).toEqual([{ status: "failed" }]);
  });

  test("a job whose function is missing is recorded as failed", async () => {
    await declareJob(system.singularity, "hollow-job", { body: undefined });
    const run = await runJob(system.singularity.pool, "hollow-job", "test");
    expect(run).toMatchObject({ status: "failed", error: expect.stringContaining("42883") });
  });

  test("an unknown job is an error that names those there are", async () => {
    const attempt = runJob(system.singularity.pool, "no'such-job", "test");
    await expect(attempt).rejects.toThrow(UnknownJobError);
    await expect(attempt).rejects.toThrow(/'no''such-job'.*archive-tasks-daily, assign-tasks/);
    expect(await query("select * from job_runs")).toEqual([]);
  });

  test("a run during another run of the same job is skipped, and other jobs are not", async () => {
    await declareJob(system.singularity, "counting-job", {
      body: "begin return query select 7; end",
    });
    await declareJob(system.singularity, "other-job", { body: "begin return query select 8; end" });
    const client = await system.singularity.pool.connect();
    await client.query("begin");
    expect((await runJob(client, "counting-job", "first")).status).toBe("succeeded");
    const second = await runJob(system.singularity.pool, "counting-job", "second");
    expect(second).toMatchObject({
      status: "skipped",
      result: null,
      error: expect.stringMatching(/^a run of it goes on: process \d+ of login postgres/),
    });
    expect((await runJob(system.singularity.pool, "other-job", "second")).status).toBe("succeeded");
    await client.query("commit");
    client.release();
    expect((await runJob(system.singularity.pool, "counting-job", "third")).status).toBe(
      "succeeded",
    );
    const [status] = (await scheduledJobsStatus(system.singularity.pool)).filter(
      ({ job }) => job === "counting-job",
    );
    expect(status).toMatchObject({ runCount24h: 2, skippedCount24h: 1, lastStartedBy: "third" });
  });

  test("the result is what the function returned", async () => {
    await declareJob(system.singularity, "counting-job", {
      body: "begin return query select 7; end",
    });
    const run = await runJob(system.singularity.pool, "counting-job", "test");
    expect(run).toMatchObject({ status: "succeeded", result: [{ rows_done: 7 }], error: null });
    expect(run.finishedAt.getTime()).toBeGreaterThanOrEqual(run.startedAt.getTime());
  });

  test("who started a run is the role that did, where nobody says", async () => {
    await query("select run_job('cleanup-job-runs-daily')");
    expect(await query("select started_by = session_user::text as by_role from job_runs")).toEqual([
      { by_role: true },
    ]);
  });
});

describe("the declared jobs", () => {
  test("each has a schedule of five fields that can be read, and a sentence", async () => {
    const { now } = await readJobTimes(system.singularity.pool);
    const jobs = await query("select * from scheduled_jobs where job_name !~ '-job$'");
    expect(jobs.map(({ job_name }) => job_name).sort()).toEqual([
      "archive-tasks-daily",
      "assign-tasks-every-2min",
      "cleanup-job-runs-daily",
      "cleanup-queue-archives-daily",
      "cleanup-sync-logs-every-6h",
      "learn-patterns-every-5min",
      "refresh-metrics-every-30min",
      "sync-learning-every-10min",
      "update-knowledge-hourly",
    ]);
    for (const { schedule, description } of jobs) {
      expect(schedule.split(" ")).toHaveLength(5);
      expect(nextDue(schedule, now)?.getTime()).toBeGreaterThan(now.getTime());
      expect(description).not.toBe("");
    }
  });

  test("schedules are due in UTC, at the full second, and after the given instant only", () => {
    const at = new Date("2025-10-26T00:59:59.999Z");
    const due = (schedule: string, nth?: number) => nextDue(schedule, at, nth)?.toISOString();
    expect(due("0 * * * *")).toBe("2025-10-26T01:00:00.000Z");
    expect(due("0 * * * *", 3)).toBe("2025-10-26T03:00:00.000Z");
    expect(nextDue("0 * * * *", new Date("2025-10-26T01:00:00.000Z"))?.toISOString()).toBe(
      "2025-10-26T02:00:00.000Z",
    );
    expect(due("0 2 * * *")).toBe("2025-10-26T02:00:00.000Z");
    expect(due("nonsense")).toBeUndefined();
    expect(due("30 seconds")).toBeUndefined();
  });

  test("applying the declaration again removes what vanished and restores what was changed", async () => {
    const file = new URL("singularity/schedules/jobs.sql", sqlDirectory);
    await query("update scheduled_jobs set schedule = '1 1 1 1 1'");
    await query("delete from scheduled_jobs where job_name = 'archive-tasks-daily'");
    await query(readFileSync(file, "utf8"));
    const rows = await query("select job_name, schedule from scheduled_jobs order by 1");
    expect(rows).toHaveLength(9);
    expect(rows[0]).toEqual({ job_name: "archive-tasks-daily", schedule: "0 2 * * *" });
  });
});

describe("the status and health of jobs", () => {
  const job = "learn-patterns-every-5min";
  const statusOf = async (name: string) =>
    (await scheduledJobsStatus(system.singularity.pool)).find((status) => status.job === name);

  test("a job that never ran is there, with nothing to tell", async () => {
    expect(await statusOf(job)).toEqual({
      job,
      schedule: "*/5 * * * *",
      description: expect.any(String),
      lastStartedAt: null,
      lastStatus: null,
      lastDurationMs: null,
      lastError: null,
      lastStartedBy: null,
      lastSuccessAt: null,
      runCount24h: 0,
      failureCount24h: 0,
      skippedCount24h: 0,
      runner: null,
    });
  });

  test("it reads the same from pg_cron and from the scheduler", async () => {
    await query(
      `insert into job_runs (job_name, status, error, started_by, started_at, finished_at)
       select $1, s.status, s.error, s.started_by, now() - s.age, now() - s.age + interval '20 ms'
         from (values ('succeeded', null, 'pg_cron', interval '2 days'),
                      ('succeeded', null, 'scheduler', interval '20 minutes'),
                      ('failed', 'no luck', 'pg_cron', interval '15 minutes'),
                      ('failed', 'no luck', 'somebody', interval '10 minutes'),
                      ('skipped', null, 'somebody', interval '5 minutes')) s (status, error, started_by, age)`,
      [job],
    );
    const [expected] = await query(
      `select max(finished_at) filter (where status = 'succeeded') as at from job_runs`,
    );
    expect(await statusOf(job)).toMatchObject({
      lastStatus: "failed",
      lastError: "no luck",
      lastDurationMs: 20,
      lastStartedBy: "somebody",
      lastSuccessAt: expected.at,
      runCount24h: 3,
      failureCount24h: 2,
      skippedCount24h: 1,
      runner: "pg_cron",
    });
  });

  test("a job is a problem when three intervals passed since its last success, or since it was declared", async () => {
    const declare = (ago: string) =>
      query("update centralcloud_migrations.objects set applied_at = now() - $1::interval", [ago]);
    await declare("0 seconds");
    expect(await checkJobHealth(system.singularity.pool)).toEqual([]);
    await declare("16 minutes");
    const problems = await checkJobHealth(system.singularity.pool);
    expect(problems.map((problem) => problem.job)).toEqual(["assign-tasks-every-2min", job]);
    expect(problems[1]?.problem).toMatch(/never succeeded.*since \d{4}-/);
    expect(problems[1]?.remedy).toContain("centralcloud scheduler");

    const succeed = (ago: string) =>
      query(
        `insert into job_runs (job_name, status, started_by, started_at, finished_at)
         values ($1, 'succeeded', 'test', now() - $2::interval, now() - $2::interval)`,
        [job, ago],
      );
    await succeed("21 minutes");
    expect((await checkJobHealth(system.singularity.pool))[1]?.problem).toContain("last succeeded");
    await query(
      `insert into job_runs (job_name, status, started_by, started_at, finished_at)
       values ($1, 'failed', 'test', now(), now())`,
      [job],
    );
    expect((await checkJobHealth(system.singularity.pool))[1]?.remedy).toContain("jobs run");
    await succeed("9 minutes");
    expect((await checkJobHealth(system.singularity.pool)).map((one) => one.job)).toEqual([
      "assign-tasks-every-2min",
    ]);
    await declare("0 seconds");
  });
});

test("metrics are refreshed, the first time and later, by a job and directly", async () => {
  await query(`
    do $$ begin
      if to_regclass('public.agent_performance_5min') is null then
        create materialized view public.agent_performance_5min as
          select date_bin('5 minutes', created_at, 'epoch') as bucket, agent_id, count(*) as task_count
            from public.agent_tasks group by 1, 2 with no data;
        create unique index on public.agent_performance_5min (bucket, agent_id);
      end if;
    end $$;
    truncate agent_tasks;
    insert into agent_tasks (agent_id, duration_ms, status) values ('agent-1', 12, 'completed')`);
  await query("refresh materialized view public.agent_performance_5min with no data");
  expect(await refreshMetricsNow(system.singularity.pool)).toEqual({ rowCount: 1 });
  await query("insert into agent_tasks (agent_id) values ('agent-2')");

  // A reader in the middle of a transaction does not hold it up.
  const client = await system.singularity.pool.connect();
  await client.query("begin; select * from public.agent_performance_5min");
  const run = await runJob(system.singularity.pool, "refresh-metrics-every-30min", "test");
  await client.query("commit");
  client.release();
  expect(run).toMatchObject({ status: "succeeded", error: null });
});
