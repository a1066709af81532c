import { readdirSync, readFileSync } from "node:fs";
import {
  checkJobHealth,
  nextDue,
  readJobTimes,
  refreshMetricsNow,
  runJob,
  scheduledJobsStatus,
  UnknownJobError,
} from "@centralcloud/db";
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
    expect(second).toMatchObject({ status: "skipped", result: null, error: null });
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

describe("retention", () => {
  test("queue archives lose what is older than 90 days, queues and other people's archives nothing", async () => {
    const queues = readdirSync(new URL("singularity/queues/", sqlDirectory))
      .map((file) => file.replace(/\.sql$/, ""))
      .flatMap((queue) => [queue, `${queue}-dlq`]);
    await query("select pgmq.create('of-others')");
    for (const queue of [...queues, "of-others"]) {
      await query("select pgmq.send($1, '{}')", [queue]);
      await query(`update pgmq."q_${queue}" set enqueued_at = now() - interval '5 years'`);
      await query(
        `insert into pgmq."a_${queue}" (msg_id, vt, message, archived_at)
         select i, now(), '{}', now() - i * interval '1 day' from unnest(array[1, 89, 91, 92, 93, 400]) i`,
      );
    }
    // Two batches of two a queue: the rest waits for the next call.
    const [first] = await query("select * from cleanup_queue_archives(2, 1)");
    expect(first).toEqual({ rows_removed: 2 * queues.length });
    expect(await query("select * from cleanup_queue_archives(1, 5)")).toEqual([
      { rows_removed: 2 * queues.length },
    ]);
    expect(await query("select * from cleanup_queue_archives()")).toEqual([{ rows_removed: 0 }]);
    const archived = (queue: string) =>
      query(`select msg_id::int from pgmq."a_${queue}" order by 1`);
    for (const queue of queues) {
      expect(await archived(queue)).toEqual([{ msg_id: 1 }, { msg_id: 89 }]);
      expect(await query(`select read_ct from pgmq."q_${queue}"`)).toEqual([{ read_ct: 0 }]);
    }
    expect(await archived("of-others")).toHaveLength(6);
  });

  test("many messages that were archived at once go in batches too", async () => {
    await query(
      `insert into pgmq."a_agent-sessions" (msg_id, vt, message, archived_at)
       select 1000 + i, now(), '{}', now() - interval '91 days' from generate_series(1, 50) i`,
    );
    expect(await query("select * from cleanup_queue_archives(7, 100)")).toEqual([
      { rows_removed: 50 },
    ]);
  });

  test("completed tasks move to the archive after 90 days, by their completion; no other task does", async () => {
    await query(
      `insert into agent_tasks (agent_id, status, duration_ms, created_at, completed_at)
       values ('old', 'completed', 12.5, now() - interval '200 days', now() - interval '91 days'),
              ('old without a completion', 'completed', null, now() - interval '91 days', null),
              ('created now, completed before', 'completed', 1, now(), now() - interval '91 days'),
              ('young', 'completed', 1, now() - interval '200 days', now() - interval '89 days'),
              ('failed', 'failed', 1, now() - interval '200 days', now() - interval '200 days'),
              ('running', 'running', null, now() - interval '200 days', null)`,
    );
    const before = await query("select * from agent_tasks order by id");
    expect(await query("select * from archive_completed_tasks(1, 2)")).toEqual([
      { tasks_archived: 2 },
    ]);
    expect(await query("select * from archive_completed_tasks(1)")).toEqual([
      { tasks_archived: 1 },
    ]);
    expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 0 }]);
    const kept = await query("select * from agent_tasks order by id");
    expect(kept.map((task) => task.agent_id)).toEqual(["young", "failed", "running"]);
    const moved = await query("select * from agent_tasks_archive order by id");
    expect(moved.map(({ archived_at, ...task }) => task)).toEqual(before.slice(0, 3));
  });

  test("a task that is archived twice replaces its older copy, and none is lost", async () => {
    await query(
      `insert into agent_tasks (id, agent_id, status, duration_ms, created_at)
       overriding system value
       select id, 'again', status, duration_ms, created_at from agent_tasks_archive
        where agent_id = 'created now, completed before'`,
    );
    expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 0 }]);
    await query(
      "update agent_tasks set completed_at = now() - interval '91 days' where agent_id = 'again'",
    );
    expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 1 }]);
    const [archived] = await query(
      "select count(*)::int as count from agent_tasks_archive where agent_id = 'again'",
    );
    expect(archived).toEqual({ count: 1 });
    expect(await query("select count(*)::int as count from agent_tasks_archive")).toEqual([
      { count: 3 },
    ]);
  });

  test("a task that somebody works on is left for the next time", async () => {
    await query(
      `insert into agent_tasks (agent_id, status, created_at)
       select 'agent-' || i, 'completed', now() - interval '100 days' from generate_series(1, 2) i`,
    );
    const client = await system.singularity.pool.connect();
    await client.query("begin; update agent_tasks set duration_ms = 3 where agent_id = 'agent-1'");
    expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 1 }]);
    await client.query("commit");
    client.release();
    expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 1 }]);
  });

  test("sync batches go after 30 days, undelivered ones only after 90", async () => {
    await query(
      `insert into learning_sync_log (batch_id, status, created_at, delivered_at)
       select status || '-' || days, status, now() - days * interval '1 day',
              case when status = 'delivered' then now() end
         from unnest(array['queued', 'delivered']) status, unnest(array[1, 29, 31, 89, 91]) days`,
    );
    expect(await query("select * from cleanup_sync_logs(2)")).toEqual([{ rows_removed: 2 }]);
    expect(await query("select * from cleanup_sync_logs()")).toEqual([{ rows_removed: 2 }]);
    expect(await query("select * from cleanup_sync_logs()")).toEqual([{ rows_removed: 0 }]);
    const rows = await query("select batch_id from learning_sync_log order by created_at, status");
    expect(rows.map((row) => row.batch_id)).toEqual([
      "queued-89",
      "queued-31",
      "delivered-29",
      "queued-29",
      "delivered-1",
      "queued-1",
    ]);
  });

  test("job runs go after 30 days", async () => {
    await query(
      `insert into job_runs (job_name, status, started_by, started_at, finished_at)
       select 'a-job-of-' || days, 'succeeded', 'test', now() - days * interval '1 day', now()
         from unnest(array[0, 29, 31, 32, 33]) days`,
    );
    expect(await query("select * from cleanup_job_runs(2)")).toEqual([{ rows_removed: 2 }]);
    expect(await query("select * from cleanup_job_runs()")).toEqual([{ rows_removed: 1 }]);
    expect(await query("select job_name from job_runs order by 1")).toEqual([
      { job_name: "a-job-of-0" },
      { job_name: "a-job-of-29" },
    ]);
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
