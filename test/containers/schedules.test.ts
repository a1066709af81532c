import { jobsOfPgCron, migrateAndSchedule, scheduledJobsStatus } from "@centralcloud/scheduler";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createTestDatabase,
  dropTestDatabase,
  harnessName,
  type TestDatabase,
  urlOf,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

/* Our jobs with the real pg_cron. What registration does in every case, test/schedules tells. */
failOnLeaks();

/** The database that the image gives pg_cron. */
const cronDatabase = "singularity";
let cron: pg.Pool;

beforeAll(() => {
  cron = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: urlOf(cronDatabase),
    application_name: harnessName,
  });
});
afterAll(() => cron.end());

describe.each(["here", "elsewhere"])("with pg_cron %s", (place) => {
  let source: TestDatabase;
  const nameOf = (job: string) => (place === "here" ? job : `${job}@${source.name}`);
  const areOurs = () =>
    place === "here"
      ? `database = '${source.name}' and jobname !~ '@'`
      : `jobname ~ '@${source.name}$'`;
  const query = async (pool: pg.Pool, text: string) => (await pool.query(text)).rows;

  beforeAll(async () => {
    source =
      place === "here"
        ? { name: cronDatabase, url: urlOf(cronDatabase), pool: cron }
        : await createTestDatabase();
    await migrateAndSchedule("source", source.url, () => {});
  });

  afterAll(async () => {
    await query(cron, `select cron.unschedule(jobid) from cron.job where ${areOurs()}`);
    if (place === "elsewhere") await dropTestDatabase(source);
  });

  /** As if it were always time for a job: pg_cron knows seconds too. */
  async function hurry(job: string): Promise<void> {
    await query(
      cron,
      `select cron.alter_job(jobid, schedule => '1 seconds') from cron.job where jobname = '${nameOf(job)}'`,
    );
  }

  test("pg_cron runs a job as the dedicated role, and the history tells", async () => {
    const job = "assign-tasks-every-2min";
    await hurry(job);
    const run = await until("the job has run", async () => {
      const rows = await query(
        cron,
        `select status, return_message, username from cron.job_run_details
          where database = '${source.name}' and command ~ '${job}' and end_time is not null`,
      );
      return rows[0];
    });
    expect(run).toEqual({
      status: "succeeded",
      return_message: "SELECT 1",
      username: "centralcloud_jobs",
    });
    const jobs = await scheduledJobsStatus(source.pool);
    expect(jobs.find((status) => status.job === job)).toMatchObject({
      lastStatus: "succeeded",
      lastError: null,
      lastStartedBy: "pg_cron",
      runner: "pg_cron",
    });
  });

  test("pg_cron runs a job in steps until nothing is left, and it is one run", async () => {
    const job = "learn-patterns-every-5min";
    await query(
      source.pool,
      `insert into analysis_results (agent_id, result)
       select 'agent-1', jsonb_build_object('n', i) from generate_series(1, 5500) i`,
    );
    await hurry(job);
    const run = await until("all is learned", async () => {
      const rows = await query(
        source.pool,
        `select status, result, started_by from job_runs where job_name = '${job}' and result @> '[{"patterns_learned": 5500}]'`,
      );
      return rows[0];
    });
    expect(run).toEqual({
      status: "succeeded",
      result: [{ patterns_learned: 5500, patterns_queued: 5500 }],
      started_by: "pg_cron",
    });
    const [{ transactions }] = await query(
      source.pool,
      "select count(distinct xmin::text)::integer as transactions from learned_patterns",
    );
    expect(transactions).toBe(6);
  });

  test("a job that fails there is in the history as failed", async () => {
    const job = "archive-tasks-daily";
    await query(source.pool, "alter table agent_tasks_archive rename to elsewhere");
    await hurry(job);
    const failed = await until("the job has failed", async () => {
      const jobs = await scheduledJobsStatus(source.pool);
      return jobs.find((status) => status.job === job && status.lastStatus === "failed");
    });
    expect(failed).toMatchObject({
      lastError: expect.stringContaining("42P01"),
      runner: "pg_cron",
    });
    await query(source.pool, "alter table elsewhere rename to agent_tasks_archive");
  });

  test("the run log is cleared of our old entries", async () => {
    await query(
      cron,
      `insert into cron.job_run_details (runid, jobid, database, username, status, start_time, end_time)
       select nextval('cron.runid_seq'), 0, '${source.name}', 'centralcloud_jobs', 'succeeded', at, at
         from unnest(array[now() - interval '8 days', now() - interval '6 days']) at`,
    );
    await hurry("cleanup-run-log");
    await until("the old entry is gone", async () => {
      const [{ count }] = await query(
        cron,
        `select count(*)::int as count from cron.job_run_details
          where jobid = 0 and database = '${source.name}'`,
      );
      return count === 1;
    });
  });

  test("migrating again puts the schedules right, under the same ids, and only then changes anything", async () => {
    const read = () =>
      query(
        cron,
        `select jobid, jobname, schedule, username, active from cron.job
          where ${areOurs()} order by jobid`,
      );
    const before = await read();
    expect(before).toHaveLength(10);
    const { schedules } = await migrateAndSchedule("source", source.url, () => {});
    expect(schedules).toMatchObject({ runner: "pg_cron", added: [] });
    // Besides ours those go whose database is gone: of tests beside this one.
    const removed = schedules?.runner === "pg_cron" ? schedules.removed : [];
    expect(removed.filter((name) => before.some(({ jobname }) => jobname === name))).toEqual([]);
    expect(schedules?.runner === "pg_cron" && schedules.changed).toHaveLength(4);
    const after = await read();
    expect(after.map(({ jobid }) => jobid)).toEqual(before.map(({ jobid }) => jobid));
    expect(after.some(({ schedule }) => schedule === "1 seconds")).toBe(false);
    expect((await migrateAndSchedule("source", source.url, () => {})).schedules).toMatchObject({
      added: [],
      changed: [],
    });
    expect(await read()).toEqual(after);
    const jobs = await scheduledJobsStatus(source.pool);
    expect(await jobsOfPgCron(source.url)).toEqual(new Set(jobs.map(({ job }) => job)));
  });
});
