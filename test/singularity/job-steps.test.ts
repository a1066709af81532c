import { createScheduler, runJob, scheduledJobsStatus } from "@centralcloud/scheduler";
import { beforeEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

/* Jobs that keep up with everything that comes: in steps, each a transaction, until nothing is left. */

const system = useSystem();
const members = useMembers(system, { jobs: "centralcloud_jobs" });
failOnLeaks(system);
const learn = "learn-patterns-every-5min";
const db = () => system.singularity.pool;
const query = async (text: string, values?: unknown[]) => (await db().query(text, values)).rows;

beforeEach(() =>
  query(
    `truncate job_runs, analysis_results, learned_patterns, agent_sessions, learning_sync_log;
     truncate pgmq."q_centralcloud-new-patterns"`,
  ),
);

const insertResults = (count: number, confidence = "0.5") =>
  query(
    `insert into analysis_results (agent_id, result, confidence)
     select 'agent-' || i % 10, jsonb_build_object('n', i), $2 from generate_series(1, $1::integer) i`,
    [count, confidence],
  );
const runs = () =>
  query("select status, result, error, started_by from job_runs where job_name = $1", [learn]);
const learned = async () =>
  (
    await query(
      `select count(*)::integer as count, count(distinct xmin::text)::integer as transactions
         from learned_patterns`,
    )
  )[0];

describe("the job that learns", () => {
  test("continues until nothing is left, a thousand a transaction, and is one run in the history", async () => {
    await insertResults(4_500);
    const run = await runJob(db(), learn, "test");
    const result = [{ patterns_learned: 4_500, patterns_queued: 4_500 }];
    expect(run).toMatchObject({ status: "succeeded", result, error: null });
    expect(await learned()).toEqual({ count: 4_500, transactions: 5 });
    expect(await runs()).toEqual([
      { status: "succeeded", result, error: null, started_by: "test" },
    ]);
  });

  test("continues behind thousands that can't be learned", async () => {
    await insertResults(2_500, "7");
    await insertResults(10);
    const run = await runJob(db(), learn, "test");
    expect(run.result).toEqual([{ patterns_learned: 10, patterns_queued: 10 }]);
  });

  test("begins no step once it is nearly due again", async () => {
    await insertResults(2_500);
    await query("update scheduled_jobs set longest_run = '0' where job_name = $1", [learn]);
    expect((await runJob(db(), learn, "test")).result).toEqual([
      { patterns_learned: 1_000, patterns_queued: 1_000 },
    ]);
    await query("update scheduled_jobs set longest_run = '290 s' where job_name = $1", [learn]);
  });

  test("ends after its step when it is to stop", async () => {
    await insertResults(2_500);
    const run = await runJob(db(), learn, "test", AbortSignal.abort());
    expect(run.result).toEqual([{ patterns_learned: 1_000, patterns_queued: 1_000 }]);
  });

  test("is one step where a statement asks for it", async () => {
    await insertResults(1_500);
    expect(await query("select result from run_job($1)", [learn])).toEqual([
      { result: [{ patterns_learned: 1_000, patterns_queued: 1_000 }] },
    ]);
  });
});

test("the job that syncs continues, too", async () => {
  await query(
    `insert into learned_patterns (agent_id, pattern, confidence)
     select 'a', jsonb_build_object('n', i), 0.5 from generate_series(1, 10500) i`,
  );
  const run = await runJob(db(), "sync-learning-every-10min", "test");
  expect(run.result).toEqual([{ batch_id: expect.any(String), pattern_count: 10_500 }]);
  expect(await query("select pattern_count from learning_sync_log order by batch_id")).toEqual([
    { pattern_count: 10_000 },
    { pattern_count: 500 },
  ]);
});

describe("the procedure that pg_cron calls", () => {
  test("does all steps, with no more rights than the job runner has", async () => {
    await insertResults(3_500);
    await members.jobs.singularity.pool.query("call run_job_in_steps($1, 'pg_cron')", [learn]);
    expect(await learned()).toEqual({ count: 3_500, transactions: 4 });
    const [status] = (await scheduledJobsStatus(db())).filter(({ job }) => job === learn);
    expect(status).toMatchObject({ runCount24h: 1, lastStatus: "succeeded", runner: "pg_cron" });
  });

  test("runs a job without steps, too", async () => {
    await query("call run_job_in_steps('cleanup-job-runs-daily', 'pg_cron')");
    expect(await query("select job_name, status from job_runs")).toEqual([
      { job_name: "cleanup-job-runs-daily", status: "succeeded" },
    ]);
  });
});

describe("a step that does not succeed", () => {
  const job = "stepping-job";
  beforeEach(() =>
    query(
      `create table if not exists traces (step integer); truncate traces;
       grant all on traces to centralcloud_owner`,
    ),
  );
  const step = (third: string) =>
    `declare v_step integer := (select count(*) + 1 from public.traces);
     begin
       insert into public.traces values (v_step);
       if v_step = 3 then ${third} end if;
       return query select 10, v_step < 5;
     end`;

  test("ends the run, and what was done before stays done and told", async () => {
    await declareJob(system.singularity, job, {
      body: step("raise exception 'out of luck';"),
      longestRun: "1 minute",
    });
    expect(await runJob(db(), job, "test")).toMatchObject({
      status: "failed",
      result: [{ rows_done: 20 }],
      error: "out of luck (P0001); what the run had done before stays done",
    });
    expect(await query("select * from traces")).toEqual([{ step: 1 }, { step: 2 }]);
  });

  test("because somebody else runs the job ends the run without a fault", async () => {
    await declareJob(system.singularity, job, { body: step("null;"), longestRun: "1 minute" });
    const first = await query("select run_id, more from run_job_step($1, 'first')", [job]);
    expect(first).toEqual([{ run_id: expect.any(String), more: true }]);
    const client = await db().connect();
    await client.query("begin");
    await client.query("select from run_job_step($1, 'second')", [job]);
    expect(
      await query("select status, result, more from run_job_step($1, 'first', $2)", [
        job,
        first[0]?.run_id,
      ]),
    ).toEqual([{ status: "succeeded", result: [{ rows_done: 10 }], more: false }]);
    await client.query("commit");
    client.release();
  });
});

test("a source that learns far more than a thousand a minute keeps up with the scheduler", async () => {
  const observations: Observation[] = [];
  const schedules = { [learn]: "*/2 * * * * *" };
  const scheduler = createScheduler({ sourceUrls: [system.singularity.url], schedules }, (one) =>
    observations.push(one),
  );
  await scheduler.start();
  for (let minute = 1; minute <= 3; minute += 1) {
    await insertResults(8_000);
    await until("all is learned", async () => (await learned())?.count === minute * 8_000, 20_000);
  }
  await scheduler.stop();
  const [{ most }] = await query(
    "select max((result -> 0 ->> 'patterns_learned')::integer) as most from job_runs where job_name = $1",
    [learn],
  );
  expect(most).toBeGreaterThan(1_000);
  expect(observations.filter(({ event }) => event === "job-failed")).toEqual([]);
});
