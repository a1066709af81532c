import {
  checkJobHealth,
  createScheduler,
  readJobTimes,
  scheduledJobsStatus,
} from "@centralcloud/scheduler";
import { beforeEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

/* A clock that was ahead, and was set right: what it left behind is dated in the future. */

const system = useSystem();
failOnLeaks(system);
const learn = "learn-patterns-every-5min";
const query = async (text: string, values?: unknown[]) =>
  (await system.singularity.pool.query(text, values)).rows;
const ran = (at: string, status = "succeeded", startedBy = "scheduler") =>
  query(
    `insert into job_runs (job_name, status, started_by, started_at, finished_at)
     select job_name, $2, $3, $1::timestamptz, $1::timestamptz from scheduled_jobs`,
    [at, status, startedBy],
  );
const timesOf = async (job: string) =>
  (await readJobTimes(system.singularity.pool)).jobs.find((times) => times.job === job);
const statusOf = async (job: string) =>
  (await scheduledJobsStatus(system.singularity.pool)).find((status) => status.job === job);
const findings = async (check: string) =>
  (await examine(system)).filter((finding) => finding.check === check && finding.severity !== "ok");

beforeEach(() =>
  query("truncate job_runs; update centralcloud_migrations.objects set applied_at = now()"),
);

describe.each(["2040-01-01", "infinity", "tomorrow"])("job runs that are dated %s", (at) => {
  test("do not keep jobs from running, whoever runs them", async () => {
    await ran(at);
    await ran(at, "succeeded", "pg_cron");
    const job = "due-job";
    await declareJob(system.singularity, job, {
      body: "begin return query select 1; end",
      schedule: "* * * * * *",
    });
    await query(
      `insert into job_runs (job_name, status, started_by, started_at, finished_at)
       values ($1, 'succeeded', 'scheduler', $2, $2)`,
      [job, at],
    );
    const scheduler = createScheduler({ sourceUrls: [system.singularity.url] }, () => {});
    await scheduler.start();
    await until("it has run", async () => {
      const [{ count }] = await query(
        "select count(*)::integer from job_runs where job_name = $1 and started_at < now()",
        [job],
      );
      return count > 0;
    });
    await scheduler.stop();
    await query("delete from scheduled_jobs where job_name = $1", [job]);
  });

  test("are not what a job's status and health go by", async () => {
    await query(`update centralcloud_migrations.objects set applied_at = now() - interval '1 day'`);
    await ran(at);
    expect(await statusOf(learn)).toMatchObject({ lastStartedAt: null, lastSuccessAt: null });
    const late = (await checkJobHealth(system.singularity.pool)).map(({ job }) => job);
    expect(late).toContain(learn);
    const [{ now }] = await query("select now() - interval '1 minute' as now");
    await ran(now.toISOString(), "failed");
    expect(await statusOf(learn)).toMatchObject({ lastStatus: "failed", runCount24h: 1 });
  });

  test("are told by the doctor, with what to do", async () => {
    await ran(at);
    const [finding] = await findings("jobs");
    expect(finding).toMatchObject({
      severity: "warning",
      message: expect.stringMatching(/^9 runs of jobs are dated in the future.*set back/),
      remedy: expect.stringContaining("delete from public.job_runs"),
    });
    await query(/(delete .*)$/.exec((finding as { remedy: string }).remedy)?.[1] ?? "");
    expect(await findings("jobs")).toEqual([]);
  });
});

test("a run that is dated before all time is no run", async () => {
  await ran("-infinity");
  expect(await timesOf(learn)).toMatchObject({ lastStartedAt: null, lastSuccessAt: null });
});

test("a run of a few seconds ahead is the last one", async () => {
  await query(
    `insert into job_runs (job_name, status, started_by, started_at, finished_at)
     values ($1, 'succeeded', 'scheduler', now() + interval '5 seconds', now() + interval '5 seconds')`,
    [learn],
  );
  expect((await timesOf(learn))?.lastStartedAt).toBeInstanceOf(Date);
});

test("a list of jobs that was changed in the future lets them run, and the doctor tells", async () => {
  await query("update centralcloud_migrations.objects set applied_at = now() + interval '2 days'");
  const { now } = await readJobTimes(system.singularity.pool);
  expect((await timesOf(learn))?.declaredAt.getTime()).toBeLessThan(now.getTime());
  const told = (await findings("jobs")).map(({ message }) => message);
  expect(told).toContainEqual(expect.stringMatching(/^the list of jobs was changed in the future/));
});

describe("a replica whose last word is dated in the future", () => {
  const store = (text: string) => system.central.pool.query(text);

  test("is silent to the doctor, and alive again once it says a word", async () => {
    await store(
      `insert into central.consumers (id, version, host, last_seen_at)
       values ('00000000-0000-4000-8000-000000000001', '1', 'host', now() + interval '2 hours')`,
    );
    expect((await findings("consumers")).map(({ message }) => message)).toEqual([
      expect.stringContaining("before the server's clock was set back"),
    ]);
    await store(
      "select central.report_consumer('00000000-0000-4000-8000-000000000001', '1', 'host')",
    );
    expect(await findings("consumers")).toEqual([]);
  });

  test("is forgotten when it is more than a day ahead", async () => {
    await store(
      `insert into central.consumers (id, version, host, last_seen_at)
       values ('00000000-0000-4000-8000-000000000002', '1', 'host', now() + interval '2 days');
       select central.report_consumer('00000000-0000-4000-8000-000000000003', '1', 'host')`,
    );
    const { rows } = await store("select host from central.consumers where last_seen_at > now()");
    expect(rows).toEqual([]);
  });
});
