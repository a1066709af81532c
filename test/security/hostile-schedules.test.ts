import { createScheduler, runJob } from "@centralcloud/scheduler";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

/* What a source declares as its jobs is its own business: the jobs of the others run in time. */

const system = useSystem();
failOnLeaks(system);
let hostile: TestDatabase;
beforeEach(async () => {
  hostile = await createTestDatabase("source");
  await hostile.pool.query("truncate job_runs, scheduled_jobs");
  await system.singularity.pool.query("truncate job_runs, scheduled_jobs");
});
afterEach(() => dropTestDatabase(hostile));

const declare = (count: number, schedule: string, body: string) =>
  hostile.pool.query(
    `create function hostile_job() returns table (rows_done integer) language plpgsql as $body$ ${body} $body$;
     insert into scheduled_jobs (job_name, schedule, function_name, description)
     select 'hostile-' || lpad(i::text, 6, '0'), '${schedule}', 'hostile_job', 'made by a test' from generate_series(1, ${count}) i`,
  );

/** How late the good source's job began, in milliseconds, each second for so many. */
async function runBeside(seconds: number) {
  await declareJob(system.singularity, "good-job", {
    body: "begin return query select 1; end",
    schedule: "* * * * * *",
  });
  const observations: Observation[] = [];
  const scheduler = createScheduler(
    { sourceUrls: [hostile.url, system.singularity.url] },
    (observation) => void observations.push(observation),
  );
  await scheduler.start();
  try {
    const { name } = system.singularity;
    const runs = () =>
      observations.filter((one) => one.event === "job-finished" && one.source === name).length;
    await until("the good job runs", () => runs() > 0);
    const startedAt = performance.now();
    const before = runs();
    await until("it runs again and again", () => runs() >= before + seconds, 4_000 * seconds);
    expect(performance.now() - startedAt).toBeLessThan(2_500 * seconds);
    const { rows } = await hostile.pool.query<{ count: number }>(
      "select count(*)::integer as count from pg_stat_activity where datname = current_database() and application_name = 'centralcloud-scheduler'",
    );
    return { observations, connections: rows[0]?.count ?? 0 };
  } finally {
    await scheduler.stop(500);
  }
}

test("twenty thousand schedules that are never due hold up nobody else's", async () => {
  await declare(20_000, "0 0 31 2 *", "begin return; end");
  const { observations } = await runBeside(5);
  expect(observations).toContainEqual(
    expect.objectContaining({
      event: "scheduler-fault",
      source: hostile.name,
      error: expect.stringContaining("more than 64 jobs are declared"),
    }),
  );
});

test("two hundred jobs that never end take a bounded number of connections", async () => {
  await declare(200, "* * * * * *", "begin perform pg_sleep(1000); return; end");
  const { connections } = await runBeside(5);
  expect(connections).toBeGreaterThan(10);
  expect(connections).toBeLessThanOrEqual(33);
});

test("a job that continues without doing anything takes a hundred steps a second at most", async () => {
  await hostile.pool.query(
    "create sequence public.steps_of_test; alter sequence public.steps_of_test owner to centralcloud_owner",
  );
  await declareJob(hostile, "endless-job", {
    body: "begin perform nextval('public.steps_of_test'); return query select 0, true; end",
    longestRun: "1 hour",
  });
  const ending = AbortSignal.timeout(2_000);
  await runJob(hostile.pool, "endless-job", "test", ending);
  const { rows } = await hostile.pool.query<{ steps: number }>(
    "select last_value::integer as steps from public.steps_of_test",
  );
  expect(rows[0]?.steps).toBeGreaterThan(10);
  expect(rows[0]?.steps).toBeLessThan(250);
});
