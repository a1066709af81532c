import { readCaptureStatus } from "@centralcloud/cdc";
import { createConsumer } from "@centralcloud/consumer";
import { exportDeadLetters, importDeadLetters } from "@centralcloud/dead-letters";
import { sides } from "@centralcloud/postgres";
import { createScheduler, migrateAndSchedule, runJob } from "@centralcloud/scheduler";
import type { Part } from "@centralcloud/service";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { takeEveryAdvisoryLock } from "../../tools/bench/hostile/advisory-locks.ts";
import { prepareForCapture, useCapture } from "../support/capture.ts";
import { configurationFor, queuesOf } from "../support/consumer.ts";
import { databaseOf, harnessName, useSystem } from "../support/databases.ts";
import { actionOn, collect, putDeadLetter, scopeOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

/*
 * Any login can take any advisory lock. An application takes each whose key is known from the code, and keeps all of
 * them while everything that excludes others of its kind is done.
 */

const system = useSystem();
const members = useMembers(system, {
  application: "centralcloud_application",
  anybody: undefined,
  jobs: "centralcloud_jobs",
});
failOnLeaks(system);
const capture = useCapture(system);
const patterns = "centralcloud-new-patterns";
const held: pg.Client[] = [];
const parts: Part[] = [];
const silent = () => {};

async function jobNames(): Promise<string[]> {
  const { rows } = await system.singularity.pool.query<{ name: string }>(
    "select job_name as name from scheduled_jobs order by 1",
  );
  return rows.map(({ name }) => name);
}

beforeAll(async () => {
  const jobs = await jobNames();
  held.push(await takeEveryAdvisoryLock(members.application.singularity.url, harnessName, jobs));
  held.push(await takeEveryAdvisoryLock(members.anybody.central.url, harnessName));
});
afterAll(async () => {
  for (const client of held) await client.end();
});
afterEach(async () => {
  for (const part of parts.splice(0)) await part.stop();
});

async function startScheduler(url = system.singularity.url): Promise<Observation[]> {
  const observations: Observation[] = [];
  const schedules = { "assign-tasks-every-2min": "* * * * * *" };
  const scheduler = createScheduler(
    { sourceUrls: [url], schedules },
    (observation) => void observations.push(observation),
  );
  parts.push(scheduler);
  await scheduler.start();
  return observations;
}

const saw = (observations: readonly Observation[], event: Observation["event"]) =>
  observations.find((observation) => observation.event === event);

test("every job runs", async () => {
  for (const job of await jobNames()) {
    expect(await runJob(system.singularity.pool, job, "test"), job).toMatchObject({
      status: "succeeded",
      error: null,
    });
  }
});

test("an application's own call of update_agent_knowledge ends", async () => {
  const { rows } = await members.application.singularity.pool.query(
    "select * from update_agent_knowledge()",
  );
  expect(rows).toEqual([{ agents_updated: 0, total_patterns: 0 }]);
});

test("a scheduler leads, another stands by and says for whom, and takes over", async () => {
  const { url } = members.jobs.singularity;
  const first = await startScheduler(url);
  await until("the first runs a job", () => saw(first, "job-finished"));
  // The key of the one that leads is seen by all, and is no use to anybody.
  const { rows } = await (held[0] as pg.Client).query(
    `select pg_try_advisory_lock((classid::bigint << 32) | objid::bigint) as taken
       from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and a.application_name = 'centralcloud-scheduler'
        and a.datname = current_database()`,
  );
  expect(rows).toEqual([{ taken: false }]);
  const second = await startScheduler();
  const standingBy = await until("the second stands by", () =>
    saw(second, "scheduler-standing-by"),
  );
  expect(standingBy).toMatchObject({
    why: "another scheduler",
    leader: expect.stringMatching(
      `process \\d+ of login ${members.jobs.login.name} .application centralcloud-scheduler`,
    ),
  });
  await parts.shift()?.stop();
  await until("the second runs a job", () => saw(second, "job-finished"), 10_000);
});

test("a migration that has something to do ends, on both sides", async () => {
  for (const side of sides) {
    const { pool, url } = databaseOf(system, side);
    await pool.query("update centralcloud_migrations.objects set checksum = 'older'");
    const { objectsApplied } = await migrateAndSchedule(side, url, silent);
    expect(objectsApplied).toBeGreaterThan(0);
  }
});

test("a capture makes its slot and its publication, and a day of the change log", async () => {
  await prepareForCapture(system);
  await system.central.pool.query(
    "do $$ declare t text; begin for t in select inhrelid::regclass from pg_inherits where inhparent = 'central.change_log'::regclass loop execute 'drop table ' || t; end loop; end $$",
  );
  await capture.start();
  const status = () => readCaptureStatus(system.singularity.pool, system.central.pool);
  await until("the slot is read", async () => (await status()).state === "reading");
  await system.singularity.pool.query("insert into agents (agent_id) values ('captured')");
  await until("the change is in the log", async () => (await capture.log()).length > 0);
});

test("dead letters are imported", async () => {
  await putDeadLetter(system.singularity);
  const scope = await scopeOf(system);
  const lines = await collect(exportDeadLetters(scope, {}));
  await system.singularity.pool.query(`delete from pgmq."q_${patterns}-dlq"`);
  const { central, request } = actionOn(system);
  async function* openLines() {
    yield* lines;
  }
  const report = await importDeadLetters(scope.sources, openLines, {
    central,
    request,
    origin: "test",
  });
  expect(report).toMatchObject({ imported: 1 });
});

test("a consumer wakes within the second, and reads without waiting for its turn", async () => {
  const consumer = createConsumer(configurationFor(system), silent);
  parts.push(consumer);
  await consumer.start();
  await until("it is ready", () => consumer.health().working);
  const mergeOne = async () => {
    const startedAt = performance.now();
    await queuesOf(system).send(patterns, patternMessage());
    await until("it is merged", () => queuesOf(system).isEmpty(patterns));
    return performance.now() - startedAt;
  };
  // Those who keep it from reading are believed for some seconds, once.
  await mergeOne();
  expect(await mergeOne()).toBeLessThan(1_000);
});
