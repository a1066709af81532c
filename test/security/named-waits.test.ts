import { LockTakenError, MigrationBlockedError, takeLock } from "@centralcloud/db";
import { migrateAndSchedule, runJob } from "@centralcloud/scheduler";
import pg from "pg";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { whileInTransaction } from "../support/concurrently.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

/*
 * What an application may lock by its rights, or by a function of ours that it calls, it may keep for ever, in a
 * transaction that it never ends. Each wait for it ends, and says for whom it was.
 */

const system = useSystem();
const members = useMembers(system, { application: "centralcloud_application" });
failOnLeaks(system);
const silent = () => {};
let idler: pg.Client;
let who: RegExp;

/** An application's connection that has a transaction open. */
beforeEach(async () => {
  idler = new pg.Client({
    connectionString: members.application.singularity.url,
    application_name: "test-harness",
  });
  await idler.connect();
  const { rows } = await idler
    .query("begin; select pg_backend_pid() as pid")
    .then((results) => (results as unknown as { rows: { pid: number }[] }[])[1] ?? { rows: [] });
  const { name } = members.application.login;
  who = new RegExp(`process ${rows[0]?.pid} of login ${name} \\(application test-harness\\)`);
});
afterEach(() => idler.end());

const admin = () => system.singularity.pool;
const messageOf = (error: Error) => error.message;

/** How long a promise takes, in milliseconds, whatever becomes of it. */
async function timed<Result>(work: Promise<Result>): Promise<{ result: Result; ms: number }> {
  const startedAt = performance.now();
  return { result: await work, ms: performance.now() - startedAt };
}

const knowledge = "update-knowledge-hourly";

test("an application that called update_agent_knowledge and does not commit holds up others for five seconds", async () => {
  await idler.query("select * from update_agent_knowledge()");
  const call = members.application.singularity.pool
    .query("select * from update_agent_knowledge()")
    .then(() => "it ended", messageOf);
  const [called, job] = await Promise.all([timed(call), timed(runJob(admin(), knowledge, "test"))]);
  expect(called.result).toMatch(
    /^another transaction has updated what agents know, and has not ended/,
  );
  expect(called.result).toMatch(who);
  expect(job.result).toMatchObject({ status: "failed", error: expect.stringMatching(who) });
  expect(Math.max(called.ms, job.ms)).toBeLessThan(9_000);
  await idler.query("commit");
  expect(await runJob(admin(), knowledge, "test")).toMatchObject({ status: "succeeded" });
});

test.each([
  ["a table that it locks", "lock table agents in access exclusive mode"],
  ["an agent that it enters", "insert into agents (agent_id) values ('entered twice')"],
])("a job fails and says so after five seconds because of %s", async (_, statement) => {
  await admin().query(
    `insert into learned_patterns (agent_id, pattern, confidence, learned_at, learning_id)
     values ('entered twice', '{}', 1, now(), gen_random_uuid()) on conflict do nothing`,
  );
  await idler.query(statement);
  const job = await timed(runJob(admin(), knowledge, "test"));
  expect(job.result).toMatchObject({ status: "failed", error: expect.stringMatching(who) });
  expect(job.result.error).toContain("55P03");
  expect(job.ms).toBeLessThan(9_000);
  const { rows } = await members.application.singularity.pool
    .query("select error from job_runs order by run_id desc limit 1")
    .catch(() => admin().query("select error from job_runs order by run_id desc limit 1"));
  expect(rows[0].error).toMatch(who);
});

test("the doctor says who waits, and for whom", async () => {
  await idler.query("lock table agents in access exclusive mode");
  const waiting = admin().query("select count(*) from agents");
  const found = await until("the doctor to see it", async () =>
    (await examine(system)).find(
      ({ check, severity }) => check === "locks" && severity === "warning",
    ),
  );
  const name = `process \\d+ \\(test-harness, login ${members.application.login.name}`;
  expect(found.message).toMatch(
    new RegExp(
      `^process \\d+ \\(test-harness, login \\w+\\) has waited \\d+ s for a lock on agents: .*${name}`,
    ),
  );
  await idler.query("rollback");
  await waiting;
});

test("rows that it keeps locked hold up no job", async () => {
  await admin().query("insert into agents (agent_id) values ('locked') on conflict do nothing");
  await admin().query("insert into analysis_results (agent_id, result) values ('locked', '{}')");
  await admin().query("insert into agent_sessions (agent_id, state) values ('locked', '{}')");
  for (const table of ["agents", "analysis_results", "agent_sessions"]) {
    await idler.query(`select from ${table} for update`);
  }
  const { rows } = await admin().query<{ name: string }>(
    "select job_name as name from scheduled_jobs",
  );
  for (const { name } of rows) {
    const { result, ms } = await timed(runJob(admin(), name, "test"));
    expect(result, name).toMatchObject({ status: "succeeded" });
    expect(ms, name).toBeLessThan(2_000);
  }
});

test("a job that runs already is skipped, and says whose run is under way", async () => {
  await whileInTransaction(
    admin(),
    (client) => client.query("select * from run_job($1)", [knowledge]),
    async () => {
      const { result, ms } = await timed(runJob(admin(), knowledge, "test"));
      expect(result).toMatchObject({
        status: "skipped",
        error: expect.stringMatching(
          /^a run of it goes on: process \d+ of login \S+ \(application test-harness\)$/,
        ),
      });
      expect(ms).toBeLessThan(2_000);
    },
  );
});

test("a publication that can't be changed says who is in the way", async () => {
  await idler.query("lock table agents in access exclusive mode");
  await admin().query(
    `grant create on database "${system.singularity.name}" to centralcloud_owner`,
  );
  const published = await timed(
    admin()
      .query("select * from publish_for_capture(array['agents'])")
      .then(() => "done", messageOf),
  );
  expect(published.result).toMatch(who);
  expect(published.ms).toBeLessThan(6_000);
});

test("a migration waits ten seconds for a table, says at once for whom, and then fails with it", async () => {
  await admin().query("update centralcloud_migrations.objects set checksum = 'older'");
  await idler.query("lock table agent_sessions in access exclusive mode");
  const observations: Observation[] = [];
  const migrating = timed(
    migrateAndSchedule(
      "source",
      system.singularity.url,
      (seen) => void observations.push(seen),
    ).then(
      () => undefined,
      (error: Error) => error,
    ),
  );
  const waiting = await until("it to say for whom it waits", () =>
    observations.find(({ event }) => event === "migration-waiting"),
  );
  const name = new RegExp(`process \\d+ \\(test-harness, login ${members.application.login.name}`);
  expect(waiting).toMatchObject({ side: "source", waitsFor: expect.stringMatching(name) });
  const { result, ms } = await migrating;
  expect(result).toBeInstanceOf(MigrationBlockedError);
  expect(result?.message).toMatch(name);
  expect(ms).toBeLessThan(15_000);
  await idler.query("rollback");
  expect(
    (await migrateAndSchedule("source", system.singularity.url, silent)).objectsApplied,
  ).toBeGreaterThan(0);
});

test("two imports of dead letters wait for each other ten seconds at most", async () => {
  const importing = "another import of dead letters";
  await whileInTransaction(
    admin(),
    (client) => takeLock(client, "import dead letters", importing),
    async () => {
      const refused = whileInTransaction(
        admin(),
        (client) => takeLock(client, "import dead letters", importing),
        async () => undefined,
      ).catch((error: Error) => error);
      const { result, ms } = await timed(refused);
      expect(result).toBeInstanceOf(LockTakenError);
      expect((result as Error).message).toMatch(
        /^another import of dead letters is under way elsewhere .*: process \d+ of login \S+ \(application test-harness\)/,
      );
      expect(ms).toBeLessThan(15_000);
    },
  );
});

const opened: TestDatabase[] = [];
afterAll(async () => {
  for (const database of opened.splice(0)) await dropTestDatabase(database);
});

test("two first migrations of a database at the same time both end, and one does it", async () => {
  const database = await createTestDatabase();
  opened.push(database);
  const results = await Promise.all(
    [1, 2, 3].map(() => migrateAndSchedule("central", database.url, silent)),
  );
  const counts = results.map(({ migrations }) => migrations.length).sort((a, b) => a - b);
  expect(counts.slice(0, 2)).toEqual([0, 0]);
  expect(counts[2]).toBeGreaterThan(0);
});
