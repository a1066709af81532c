import {
  createScheduler,
  jobsOfPgCron,
  migrateAndSchedule,
  registerSchedules,
} from "@centralcloud/scheduler";
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import {
  createTestDatabase,
  dropTestDatabase,
  renameTestDatabase,
  type TestDatabase,
} from "../support/databases.ts";
import { examine, problem } from "../support/doctor.ts";
import { installFakePgCron } from "../support/fake-pg-cron.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login } from "../support/logins.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

/*
 * Registration with pg_cron, on a server that only pretends to have it: fast, and every case can be had.
 * test/containers/schedules.test.ts has the real one.
 */
failOnLeaks();
const opened: TestDatabase[] = [];
const logins: Login[] = [];

async function open(side?: "source"): Promise<TestDatabase> {
  const database = await createTestDatabase(side);
  opened.push(database);
  return database;
}

afterEach(async () => {
  for (const database of opened.splice(0)) await dropTestDatabase(database);
});

afterAll(async () => {
  for (const login of logins.splice(0)) await dropLogin(inject("serverUrl"), login);
});

interface Row {
  readonly [column: string]: unknown;
}

async function jobsIn({ pool }: TestDatabase, where = "true"): Promise<Row[]> {
  const { rows } = await pool.query<Row>(`select * from cron.job where ${where} order by jobid`);
  return rows;
}

let source: TestDatabase;
/** The role that migrates: a superuser. */
let self: string;

beforeEach(async () => {
  source = await open("source");
  self = (await source.pool.query("select current_user as self")).rows[0].self;
});

/** Where pg_cron lives: in the source itself, or in another database of the server. */
describe.each(["here", "elsewhere"])("with pg_cron %s", (place) => {
  const nameOf = (job: string) => (place === "here" ? job : `${job}@${source.name}`);
  let cron: TestDatabase;

  beforeEach(async () => {
    cron = place === "here" ? source : await open();
    await installFakePgCron(cron, [source]);
  });

  test("every declared job is registered for the dedicated role, and one that clears the run log", async () => {
    const registration = await registerSchedules(source.url);
    const { rows: declared } = await source.pool.query("select * from scheduled_jobs");
    const names = [...declared.map(({ job_name }) => nameOf(job_name)), nameOf("cleanup-run-log")];
    expect(registration).toMatchObject({
      runner: "pg_cron",
      database: cron.name,
      owner: "centralcloud_jobs",
      changed: [],
      removed: [],
    });
    const jobs = await jobsIn(cron);
    expect(jobs.map(({ jobname }) => jobname).sort()).toEqual(names.sort());
    expect(jobs.every(({ username }) => username === "centralcloud_jobs")).toBe(true);
    expect(jobs.find(({ jobname }) => jobname === nameOf("assign-tasks-every-2min"))).toMatchObject(
      {
        schedule: "*/2 * * * *",
        command: "select public.run_job('assign-tasks-every-2min', 'pg_cron')",
        database: source.name,
        active: true,
      },
    );
    expect(await jobsOfPgCron(source.url)).toEqual(new Set(declared.map((row) => row.job_name)));
  });

  test("the second time nothing changes, from several places at once either", async () => {
    const results = await Promise.all([1, 2, 3].map(() => registerSchedules(source.url)));
    const added = results.map((result) => result.runner === "pg_cron" && result.added.length);
    expect(added.sort()).toEqual([0, 0, 10]);
    const before = await jobsIn(cron);
    expect(await registerSchedules(source.url)).toMatchObject({
      added: [],
      changed: [],
      removed: [],
    });
    expect(await jobsIn(cron)).toEqual(before);
  });

  test("changed jobs are updated under their ids, vanished ones removed, paused ones left so", async () => {
    await registerSchedules(source.url);
    const before = await jobsIn(cron);
    await source.pool.query(`
      update scheduled_jobs set schedule = '*/3 * * * *' where job_name = 'assign-tasks-every-2min';
      delete from scheduled_jobs where job_name = 'archive-tasks-daily'`);
    await cron.pool.query("update cron.job set active = false where jobname ~ '^refresh-metrics'");
    expect(await registerSchedules(source.url)).toMatchObject({
      added: [],
      changed: [nameOf("assign-tasks-every-2min")],
      removed: [nameOf("archive-tasks-daily")],
    });
    const after = await jobsIn(cron);
    expect(after.map(({ jobid }) => jobid)).toEqual(
      before
        .filter(({ jobname }) => jobname !== nameOf("archive-tasks-daily"))
        .map((job) => job.jobid),
    );
    expect(
      after.find(({ jobname }) => jobname === nameOf("assign-tasks-every-2min")),
    ).toMatchObject({
      schedule: "*/3 * * * *",
    });
    expect(after.filter(({ active }) => active === false)).toHaveLength(1);
    expect(await jobsOfPgCron(source.url)).not.toContain("refresh-metrics-every-30min");
  });

  test("the jobs of others stay as they are, those that another role registered for us go", async () => {
    await cron.pool.query(
      `insert into cron.job (jobname, schedule, command, database, username) values
         ('nightly-vacuum', '0 4 * * *', 'vacuum', $1, 'somebody'),
         (null, '0 4 * * *', 'select public.run_job(''x'')', $1, $2),
         ('learn-patterns-every-5min', '0 4 * * *', 'select 1', $1, 'somebody'),
         ('elsewhere', '0 4 * * *', $3, 'another_database', $2),
         ('sync-learning-every-10min', '*/7 * * * *', $4, $1, 'somebody'),
         ('old', '0 4 * * *', $3, $1, $2)`,
      [
        source.name,
        self,
        "select public.run_job('update-knowledge-hourly', 'pg_cron')",
        "SELECT sync_learning_to_centralcloud();",
      ],
    );
    const others = await jobsIn(cron, "jobid <= 4");
    expect(await registerSchedules(source.url)).toMatchObject({
      runner: "pg_cron",
      removed: ["sync-learning-every-10min", "old"],
    });
    expect(await jobsIn(cron, "jobid <= 6")).toEqual(others);
  });

  test("a job of somebody else that has a name and owner of ours is not overwritten", async () => {
    await cron.pool.query(
      `insert into cron.job (jobname, schedule, command, database, username)
       values ($1, '0 4 * * *', 'select 1', $2, 'centralcloud_jobs')`,
      [nameOf("archive-tasks-daily"), source.name],
    );
    const before = await jobsIn(cron);
    expect(await registerSchedules(source.url)).toEqual({
      runner: "scheduler",
      reason: expect.stringMatching(/another job archive-tasks-daily.*select 1.*remove it/),
    });
    expect(await jobsIn(cron)).toEqual(before);
  });

  test("the run log is cleared of what is older than seven days, by the role that ran the jobs", async () => {
    await registerSchedules(source.url);
    await cron.pool.query(
      `insert into cron.job_run_details (database, username, status, start_time, end_time)
       select $1, 'centralcloud_jobs', 'failed', at, at from unnest(array[
                now() - interval '8 days', now() - interval '6 days', null]) at
       union all
       select 'another', 'centralcloud_jobs', 'succeeded', now() - interval '8 days', null
       union all
       select $1, 'somebody', 'succeeded', now() - interval '8 days', null`,
      [source.name],
    );
    const [cleanup] = await jobsIn(cron, "jobname ~ '^cleanup-run-log'");
    expect(cleanup).toMatchObject({ database: cron.name, username: "centralcloud_jobs" });
    const client = await cron.pool.connect();
    await client.query("set role centralcloud_jobs");
    const { rowCount } = await client.query(String(cleanup?.command));
    client.release(true);
    expect(rowCount).toBe(2);
    const { rows } = await cron.pool.query(
      "select runid::int from cron.job_run_details order by 1",
    );
    expect(rows).toEqual([{ runid: 2 }, { runid: 4 }, { runid: 5 }]);
  });

  test("what was registered for the migrating role moves to the dedicated one", async () => {
    await source.pool.query("revoke execute on function run_job from centralcloud_jobs");
    expect(await registerSchedules(source.url)).toMatchObject({ owner: self });
    await source.pool.query("grant execute on function run_job to centralcloud_jobs");
    const moved = await registerSchedules(source.url);
    expect(moved).toMatchObject({ owner: "centralcloud_jobs", changed: [] });
    expect(moved.runner === "pg_cron" && [moved.added.length, moved.removed.length]).toEqual([
      10, 10,
    ]);
    expect(await jobsIn(cron, `username = '${self}'`)).toEqual([]);
  });

  test("migrate registers, and says what it did", async () => {
    const observations: Observation[] = [];
    const observe = (observation: Observation) => void observations.push(observation);
    const result = await migrateAndSchedule("source", source.url, observe);
    expect(result.schedules).toMatchObject({ runner: "pg_cron", owner: "centralcloud_jobs" });
    expect(observations).toMatchObject([
      { event: "schedules-registered", side: "source", owner: "centralcloud_jobs" },
    ]);
    await migrateAndSchedule("source", source.url, observe);
    expect(observations).toHaveLength(1);
  });

  test("the scheduler stands by", async () => {
    await registerSchedules(source.url);
    await source.pool.query(
      "update centralcloud_migrations.objects set applied_at = now() - interval '2 minutes'",
    );
    const observations: Observation[] = [];
    const scheduler = createScheduler(
      { sourceUrls: [source.url] },
      (observation) => void observations.push(observation),
    );
    await scheduler.start();
    await until("it stands by", () => {
      return observations.some(({ event }) => event === "scheduler-standing-by");
    });
    await scheduler.stop();
    expect(observations).toContainEqual({
      event: "scheduler-standing-by",
      source: source.name,
      why: "pg_cron",
    });
    expect((await source.pool.query("select from job_runs")).rows).toEqual([]);
  });
});

describe("a role that is no superuser", () => {
  test("registers for itself, where it may use pg_cron, and only sees its own jobs", async () => {
    await installFakePgCron(source, [source]);
    const login = await createLogin(inject("serverUrl"), "in role centralcloud_owner");
    logins.push(login);
    await source.pool.query(`grant usage on schema cron to ${login.name}`);
    await source.pool.query(
      `insert into cron.job (jobname, schedule, command, database, username)
       values ('archive-tasks-daily', '0 4 * * *', 'select 1', current_database(), 'somebody')`,
    );
    const url = login.urlOf(source.url);
    expect(await registerSchedules(url)).toMatchObject({ runner: "pg_cron", owner: login.name });
    expect(await registerSchedules(url)).toMatchObject({ added: [], changed: [], removed: [] });
    await source.pool.query("delete from scheduled_jobs where job_name = 'archive-tasks-daily'");
    expect(await registerSchedules(url)).toMatchObject({ removed: ["archive-tasks-daily"] });
    expect(await jobsIn(source, "username = 'somebody'")).toHaveLength(1);
  });

  test("is told what it lacks, and the migration continues", async () => {
    const cron = await open();
    await installFakePgCron(cron, [source]);
    const login = await createLogin(inject("serverUrl"), "in role centralcloud_owner");
    logins.push(login);
    await source.pool.query(`grant create on database ${source.name} to ${login.name}`);
    const observations: Observation[] = [];
    const result = await migrateAndSchedule("source", login.urlOf(source.url), (observation) =>
      observations.push(observation),
    );
    const reason = "permission denied for schema cron";
    expect(result.schedules).toEqual({ runner: "scheduler", reason });
    expect(observations).toContainEqual({
      event: "pg-cron-unusable",
      side: "source",
      reason,
    });
    expect(await jobsOfPgCron(login.urlOf(source.url))).toEqual(new Set());
  });
});

test("pg_cron that is loaded, but not to be had, is a reason and not a failure", async () => {
  const empty = await open();
  for (const [database, reason] of [
    [empty.name, /pg_cron/],
    ["no_such_database", /its database no_such_database can't be reached/],
  ] as const) {
    await source.pool.query(`alter database ${source.name} set cron.database_name = '${database}'`);
    expect(await registerSchedules(source.url)).toEqual({
      runner: "scheduler",
      reason: expect.stringMatching(reason),
    });
  }
});

test("on a server without pg_cron the jobs are the scheduler's", async () => {
  expect(await registerSchedules(source.url)).toEqual({ runner: "scheduler", reason: undefined });
  expect(await jobsOfPgCron(source.url)).toEqual(new Set());
});

describe("after a database got another name", () => {
  test("the jobs of the old name are found by the doctor and removed by migrate, those of others kept", async () => {
    const cron = await open();
    const other = await open("source");
    await installFakePgCron(cron, [source, other]);
    await registerSchedules(source.url);
    await registerSchedules(other.url);
    const before = source.name;
    opened.splice(opened.indexOf(source), 1);
    source = await renameTestDatabase(source, `${before}_renamed`);
    opened.push(source);
    await source.pool.query(
      `alter database "${source.name}" set cron.database_name = '${cron.name}'`,
    );
    await cron.pool.query(
      "select cron.schedule_in_database('of somebody else', '0 0 * * *', 'vacuum', $1)",
      [before],
    );

    const central = await createTestDatabase("central");
    opened.push(central);
    expect(await examine({ singularity: source, central })).toContainEqual(
      problem("warning", new RegExp(`jobs for the database ${before}, which is gone`), /migrate/),
    );
    const registration = await registerSchedules(source.url);
    expect(registration).toMatchObject({ runner: "pg_cron" });
    const jobs = await jobsIn(cron);
    expect(jobs.filter(({ database }) => database === before)).toMatchObject([
      { jobname: "of somebody else" },
    ]);
    const named = (name: string) => jobs.filter(({ jobname }) => `${jobname}`.endsWith(`@${name}`));
    expect(named(before)).toEqual([]);
    expect(named(source.name).length).toBe(named(other.name).length);
    expect(named(other.name).length).toBeGreaterThan(7);
    expect(await examine({ singularity: source, central })).not.toContainEqual(
      problem("warning", /which is gone/, /migrate/),
    );
  });
});
