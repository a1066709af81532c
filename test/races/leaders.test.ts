import { createScheduler } from "@centralcloud/scheduler";
import type { Part } from "@centralcloud/service";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

/* Two schedulers of one source: who leads, and when the other one may. */

const system = useSystem();
failOnLeaks(system);
const schedulers: Part[] = [];
const query = async (text: string) => (await system.singularity.pool.query(text)).rows;

async function startScheduler() {
  const observations: Observation[] = [];
  const part = createScheduler({ sourceUrls: [system.singularity.url] }, (observation) => {
    observations.push(observation);
  });
  schedulers.push(part);
  await part.start();
  return { part, saw: (event: string) => observations.some((one) => one.event === event) };
}

beforeAll(() =>
  query(
    "create table public.gate (id integer primary key); insert into public.gate values (1); alter table public.gate owner to centralcloud_owner",
  ),
);

beforeEach(async () => {
  await query("truncate job_runs, scheduled_jobs");
  await declareJob(system.singularity, "long-job", {
    body: "begin perform from public.gate for share; return query select 1; end",
    schedule: "* * * * * *",
  });
});

afterEach(async () => {
  await Promise.all(schedulers.splice(0).map((scheduler) => scheduler.stop()));
});

/** When each connection of a scheduler began its last statement, in microseconds; those of jobs are left out. */
async function askedAt(): Promise<Map<number, bigint>> {
  const rows = await query(
    `select pid, (extract(epoch from query_start) * 1000000)::bigint as at from pg_stat_activity
      where datname = current_database() and application_name = 'centralcloud-scheduler'
        and pg_blocking_pids(pid) = '{}'`,
  );
  return new Map(rows.map(({ pid, at }) => [pid, BigInt(at)]));
}

/** Waits until some scheduler has asked so many times more. */
async function turns(count: number): Promise<void> {
  let before = await askedAt();
  let turn = 0;
  await until(`${count} more attempts`, async () => {
    const now = await askedAt();
    if ([...now].some(([pid, at]) => at > (before.get(pid) ?? at))) {
      before = now;
      turn += 1;
    }
    return turn >= count;
  });
}

test("a leader that stops leads until its last run has ended, and only then another one does", async () => {
  const holder = await system.singularity.pool.connect();
  await holder.query("begin; select from public.gate for update");
  let stopping: Promise<void> | undefined;
  try {
    const first = await startScheduler();
    await until("its job waits", async () => {
      const rows = await query(
        `select from pg_stat_activity where datname = current_database()
          and application_name = 'centralcloud-scheduler' and pg_blocking_pids(pid) <> '{}'`,
      );
      return rows.length === 1;
    });
    const second = await startScheduler();
    await until("the second stands by", () => second.saw("scheduler-standing-by"));
    stopping = first.part.stop(60_000);
    await turns(2);
    expect(second.saw("scheduler-leading")).toBe(false);
    await holder.query("rollback");
    await stopping;
    await until("the second leads", () => second.saw("scheduler-leading"));
    const overlaps = await query(
      `select from job_runs a join job_runs b using (job_name)
        where a.run_id < b.run_id and b.started_at < a.finished_at`,
    );
    expect(overlaps).toEqual([]);
    expect(await query("select distinct status from job_runs")).toEqual([{ status: "succeeded" }]);
  } finally {
    await holder.query("rollback");
    holder.release();
    await stopping;
  }
});

test("a leader that freezes is dropped by the server within a minute, so that another one can lead", async () => {
  // Said by the leader's own session, each time that it looks at the jobs.
  await query(`
    create table public.noted (silence interval);
    create function public.note_session() returns boolean language plpgsql as $$
    begin
      insert into public.noted values (current_setting('idle_session_timeout')::interval);
      return true;
    end $$;
    alter view public.job_times rename to job_times_of_ours;
    create view public.job_times as
    select t.* from public.job_times_of_ours t where public.note_session()`);
  await startScheduler();
  const [noted] = await until("it looks at the jobs", async () => {
    const rows = await query(
      "select max(silence) <= '1 minute' as ends, min(silence) > '0' as limited from public.noted having count(*) > 0",
    );
    return rows.length > 0 ? rows : undefined;
  });
  expect(noted).toEqual({ ends: true, limited: true });
});
