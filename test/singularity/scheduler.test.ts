import { createScheduler } from "@centralcloud/scheduler";
import type { Part } from "@centralcloud/service";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const everySecond = "* * * * * *";
const schedulers: Part[] = [];
const query = async (text: string, values?: unknown[]) =>
  (await system.singularity.pool.query(text, values)).rows;

interface Watched {
  readonly part: Part;
  readonly observations: Observation[];
  saw(event: Observation["event"]): boolean;
}

async function startScheduler(schedules: Record<string, string> = {}): Promise<Watched> {
  const observations: Observation[] = [];
  const sourceUrls = [system.singularity.url];
  const part = createScheduler(
    { sourceUrls, schedules },
    (observation) => void observations.push(observation),
  );
  schedulers.push(part);
  await part.start();
  return {
    part,
    observations,
    saw: (event) => observations.some((observation) => observation.event === event),
  };
}

/** A job that runs every second and whose runs tell that time has passed. */
const heartbeat = "heartbeat-job";

async function runsOf(job: string): Promise<{ status: string; error: string | null }[]> {
  return await query(
    "select status, error, started_by from job_runs where job_name = $1 order by run_id",
    [job],
  );
}

/** Waits until the scheduler has looked at all jobs several times. */
async function letTimePass(beats = 2): Promise<void> {
  const before = (await runsOf(heartbeat)).length;
  await until(
    `${beats} heartbeats`,
    async () => (await runsOf(heartbeat)).length >= before + beats,
  );
}

/** As if the job had last run so long ago. */
async function ranBefore(job: string, ago: string, startedBy = "scheduler"): Promise<void> {
  await query(
    `insert into job_runs (job_name, status, started_by, started_at, finished_at)
     values ($1, 'succeeded', $2, now() - $3::interval, now() - $3::interval)`,
    [job, startedBy, ago],
  );
}

/** Once a day, and not within the next half hour. */
function daily(): string {
  const then = new Date(Date.now() + 30 * 60_000);
  return `${then.getUTCMinutes()} ${then.getUTCHours()} * * *`;
}

beforeEach(async () => {
  await query("truncate job_runs, scheduled_jobs");
  await declareJob(system.singularity, heartbeat, {
    body: "begin return query select 1; end",
    schedule: everySecond,
  });
});

afterEach(async () => {
  await Promise.all(schedulers.splice(0).map((scheduler) => scheduler.stop()));
});

test("of two schedulers one runs the jobs, and the other takes over when that one stops", async () => {
  const first = await startScheduler();
  await until("the first leads", () => first.saw("scheduler-leading"));
  const second = await startScheduler();
  await until("the second stands by", () => second.saw("scheduler-standing-by"));
  await letTimePass();
  expect(second.saw("job-finished")).toBe(false);
  await first.part.stop();
  await until("the second leads", () => second.saw("scheduler-leading"), 5_000);
  await letTimePass();
  expect(second.saw("job-finished")).toBe(true);
  const [{ most }] = await query(
    `select max(count)::int as most from (
       select count(*) from job_runs group by job_name, date_trunc('second', started_at)) s`,
  );
  expect(most).toBe(1);
  expect(await query("select distinct status from job_runs")).toEqual([{ status: "succeeded" }]);
});

test("when the leader's connection is cut, somebody leads again, and time is not lost", async () => {
  await startScheduler();
  await startScheduler();
  for (let round = 0; round < 3; round++) {
    await letTimePass(1);
    await query(
      `select pg_terminate_backend(l.pid) from pg_locks l
        where l.locktype = 'advisory' and l.granted
          and l.database = (select oid from pg_database where datname = current_database())`,
    );
  }
  await letTimePass(1);
});

test("what was missed while nobody was there is caught up once", async () => {
  await declareJob(system.singularity, "missed-job", {
    body: "begin return query select 1; end",
    schedule: daily(),
  });
  await declareJob(system.singularity, "punctual-job", {
    body: "begin return query select 1; end",
    schedule: daily(),
  });
  await ranBefore("missed-job", "3 days");
  await ranBefore("punctual-job", "10 minutes");
  await startScheduler();
  await until("it is caught up", async () => (await runsOf("missed-job")).length > 1);
  await letTimePass();
  expect(await runsOf("missed-job")).toHaveLength(2);
  expect(await runsOf("punctual-job")).toHaveLength(1);
});

test("a job that takes longer than its interval never overlaps itself, and delays no other", async () => {
  await declareJob(system.singularity, "long-job", {
    body: "begin perform pg_advisory_xact_lock_shared(4711); return query select 1; end",
    schedule: everySecond,
  });
  const client = await system.singularity.pool.connect();
  await client.query("select pg_advisory_lock(4711)");
  await startScheduler();
  await until("it waits", async () => {
    return (await query("select from pg_locks where objid = 4711 and not granted")).length === 1;
  });
  await letTimePass();
  expect(await query("select from pg_locks where objid = 4711 and not granted")).toHaveLength(1);
  expect(await runsOf("long-job")).toEqual([]);
  await client.query("select pg_advisory_unlock(4711)");
  client.release();
  await until("it finished", async () => (await runsOf("long-job")).length > 0);
  const overlaps = await query(
    `select from job_runs a join job_runs b using (job_name)
      where a.run_id < b.run_id and b.started_at < a.finished_at`,
  );
  expect(overlaps).toEqual([]);
  expect(await query("select from job_runs where status = 'skipped'")).toEqual([]);
});

test("a job that fails is told and tried again at its next time", async () => {
  await declareJob(system.singularity, "failing-job", {
    body: "begin raise exception 'out of luck'; end",
    schedule: everySecond,
  });
  const { observations } = await startScheduler();
  await until("it failed twice", async () => (await runsOf("failing-job")).length >= 2);
  await letTimePass(1);
  expect(observations).toContainEqual({
    event: "job-failed",
    source: system.singularity.name,
    job: "failing-job",
    ms: expect.any(Number),
    error: "out of luck (P0001)",
  });
});

test("work resumes by itself after the database was shut off", async () => {
  const { observations, saw } = await startScheduler();
  await letTimePass(1);
  const { pool } = system.central;
  await pool.query(`alter database ${system.singularity.name} with allow_connections false`);
  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = $1 and application_name = 'centralcloud-scheduler'`,
    [system.singularity.name],
  );
  await until("it meets the fault", () => saw("scheduler-fault"));
  const faults = observations.filter(({ event }) => event === "scheduler-fault").length;
  await pool.query(`alter database ${system.singularity.name} with allow_connections true`);
  await letTimePass();
  expect(faults).toBeLessThan(4);
  expect(saw("scheduler-leading")).toBe(true);
});

test("a database that is not migrated is waited for, and stopping does not wait with it", async () => {
  const observations: Observation[] = [];
  const scheduler = createScheduler(
    { sourceUrls: [system.central.url, "postgres://nobody@127.0.0.1:1/nothing"] },
    (observation) => void observations.push(observation),
  );
  schedulers.push(scheduler);
  await scheduler.start();
  await until("both are told", () => {
    const faults = observations.filter((one) => one.event === "scheduler-fault");
    return new Set(faults.map(({ source }) => source)).size === 2;
  });
  const startedAt = performance.now();
  await scheduler.stop();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test("stop cancels what does not end in time, and the history tells", async () => {
  await declareJob(system.singularity, "long-job", {
    body: "begin perform pg_advisory_xact_lock_shared(4711); return query select 1; end",
    schedule: everySecond,
  });
  const client = await system.singularity.pool.connect();
  await client.query("select pg_advisory_lock(4711)");
  const { part } = await startScheduler();
  await until("it waits", async () => {
    return (await query("select from pg_locks where objid = 4711 and not granted")).length === 1;
  });
  await part.stop(0);
  await client.query("select pg_advisory_unlock(4711)");
  client.release();
  expect(await runsOf("long-job")).toMatchObject([
    { status: "failed", error: expect.stringContaining("57014") },
  ]);
});

test("it keeps the contract of start and stop", async () => {
  const options = { sourceUrls: [system.singularity.url] };
  const neverStarted = createScheduler(options, () => {});
  await neverStarted.stop();
  await expect(neverStarted.start()).rejects.toThrow("was stopped");
  const hasty = createScheduler(options, () => {});
  const starting = hasty.start().catch(() => {});
  await Promise.all([hasty.stop(), hasty.stop()]);
  await starting;
  await hasty.stop();
});

test("a schedule can be replaced, as a demonstration does", async () => {
  await declareJob(system.singularity, "daily-job", {
    body: "begin return query select 1; end",
    schedule: daily(),
  });
  await ranBefore("daily-job", "10 minutes");
  await startScheduler({ "daily-job": everySecond });
  await until("it ran", async () => (await runsOf("daily-job")).length >= 3);
});

test("a job that pg_cron ran last is left to it, until it lets five minutes pass", async () => {
  for (const job of ["recent-job", "neglected-job"]) {
    await declareJob(system.singularity, job, {
      body: "begin return query select 1; end",
      schedule: "* * * * *",
    });
  }
  await ranBefore("recent-job", "3 minutes", "pg_cron");
  await ranBefore("neglected-job", "10 minutes", "pg_cron");
  const { observations } = await startScheduler();
  await until("it steps in", async () => (await runsOf("neglected-job")).length > 1);
  await letTimePass();
  expect(await runsOf("recent-job")).toHaveLength(1);
  expect(observations).toContainEqual({
    event: "job-missed",
    source: system.singularity.name,
    job: "neglected-job",
    lateMs: expect.any(Number),
  });
});
