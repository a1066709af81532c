import { ensurePgmq, migrate, readLandedStates } from "@centralcloud/db";
import { createScheduler } from "@centralcloud/scheduler";
import type { Part } from "@centralcloud/service";
import pg from "pg";
import { afterEach, expect, test } from "vitest";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

/* Versions up to singularity 0007 exclude each other by advisory locks. While a rollout lasts, one may run beside this. */

const system = useSystem();
const members = useMembers(system, { jobs: "centralcloud_jobs" });
failOnLeaks(system);
const silent = () => {};
const leads = 0x63_63_73_63;
const migrates = 0x63_63_6d_69;
const parts: Part[] = [];
const former: pg.Client[] = [];

afterEach(async () => {
  for (const part of parts.splice(0)) await part.stop();
  for (const client of former.splice(0)) await client.end();
});

/** A session of a program of a former version. */
async function startFormer(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: "test-harness" });
  former.push(client);
  await client.connect();
  return client;
}

async function startScheduler(url: string): Promise<(event: Observation["event"]) => boolean> {
  const seen = new Set<string>();
  const part = createScheduler({ sourceUrls: [url] }, ({ event }) => void seen.add(event));
  parts.push(part);
  await part.start();
  return (event) => seen.has(event);
}

test("a scheduler stands by while one of a former version leads, and leads when that is gone", async () => {
  const { url } = members.jobs.singularity;
  const other = await startFormer(url);
  await other.query("select pg_advisory_lock($1)", [leads]);
  const saw = await startScheduler(url);
  await until("it stands by", () => saw("scheduler-standing-by"));
  expect(saw("scheduler-leading")).toBe(false);
  await other.query("select pg_advisory_unlock_all()");
  await until("it leads", () => saw("scheduler-leading"), 10_000);
  const { rows } = await other.query("select pg_try_advisory_lock($1) as leads", [leads]);
  expect(rows).toEqual([{ leads: false }]);
});

test("a migration waits for one of a former version, and says so", async () => {
  const other = await startFormer(system.central.url);
  await other.query("update centralcloud_migrations.objects set checksum = 'older'");
  await other.query("begin");
  await other.query("select pg_advisory_xact_lock($1)", [migrates]);
  const observations: Observation[] = [];
  const migrating = migrate("central", system.central.url, (seen) => void observations.push(seen));
  await until("it says for whom it waits", () =>
    observations.some(({ event }) => event === "migration-waiting"),
  );
  await other.query("commit");
  expect(await migrating).toMatchObject({ side: "central", migrations: [] });
});

test("a scheduler leads in a source that is a version behind", async () => {
  const database = await createTestDatabase();
  const client = await database.pool.connect();
  const state = readLandedStates("source").find(({ name }) => name.startsWith("0007"));
  await ensurePgmq(client, silent);
  await client.query(state?.script ?? "");
  client.release(true);
  try {
    const saw = await startScheduler(database.url);
    await until("it leads", () => saw("scheduler-leading"));
    const second = await startScheduler(database.url);
    await until("another stands by", () => second("scheduler-standing-by"));
  } finally {
    for (const part of parts.splice(0)) await part.stop();
    await dropTestDatabase(database);
  }
});
