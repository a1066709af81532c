import { migrateAndSchedule } from "@centralcloud/scheduler";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTestDatabase, dropTestDatabase, type TestDatabase } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";

failOnLeaks();
let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => dropTestDatabase(database));

async function readColumn(query: string): Promise<unknown[]> {
  const { rows } = await database.pool.query<unknown[]>({ text: query, rowMode: "array" });
  return rows.map(([value]) => value);
}

async function show(setting: string): Promise<unknown> {
  return (await readColumn(`show ${setting}`))[0];
}

test("migrating installs pgmq as an extension, because the server offers it", async () => {
  const observations: Observation[] = [];
  await migrateAndSchedule("source", database.url, (observation) => observations.push(observation));
  expect(observations).toContainEqual(
    expect.objectContaining({ event: "pgmq-installed", how: "extension" }),
  );
  const installed = "select extname from pg_extension where extname = 'pgmq'";
  expect(await readColumn(installed)).toEqual(["pgmq"]);
});

test("every extension that the project can make use of is there", async () => {
  const available = await readColumn("select name from pg_available_extensions");
  expect(available).toEqual(
    expect.arrayContaining([
      "pg_cron",
      "pg_stat_statements",
      "pgcrypto",
      "pgmq",
      "pgtap",
      "plpgsql_check",
      "timescaledb",
    ]),
  );
});

test("what works only when preloaded is preloaded", async () => {
  const preloaded = String(await show("shared_preload_libraries")).split(",");
  expect(preloaded).toEqual(expect.arrayContaining(["pg_cron", "timescaledb"]));
});

test("a statement's plan can be logged from a session that loads auto_explain", async () => {
  await database.pool.query("load 'auto_explain'");
});

test("TimescaleDB makes hypertables under the Apache license, and reports to nobody", async () => {
  // One connection, because the library's settings are known where the extension has been used.
  const client = await database.pool.connect();
  try {
    await client.query("create extension timescaledb");
    await client.query("create table measured (at timestamptz not null, value float8)");
    await client.query("select create_hypertable('measured', by_range('at'))");
    const { rows } = await client.query(
      `select current_setting('timescaledb.license') as license,
              current_setting('timescaledb.telemetry_level') as telemetry`,
    );
    expect(rows).toEqual([{ license: "apache", telemetry: "off" }]);
  } finally {
    client.release(true);
  }
});
