import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { harnessName, urlOf } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

failOnLeaks();

let database: pg.Pool;

beforeAll(async () => {
  // pg_cron lives in one database of a server, and the image says that it is this one.
  const connectionString = urlOf("singularity");
  database = new pg.Pool({ idleTimeoutMillis: 0, connectionString, application_name: harnessName });
  await database.query("create extension if not exists pg_cron; create table ticks (role text)");
});

afterAll(async () => {
  await database.query("drop table ticks");
  await database.end();
});

test("a scheduled statement runs by itself, without a connection or a password", async () => {
  await database.query(
    "select cron.schedule('tick', '1 second', 'insert into ticks values (current_user)')",
  );
  const run = await until("the job has run", async () => {
    const { rows } = await database.query<{ status: string; role: string | null }>(
      `select status, (select min(role) from ticks) as role from cron.job_run_details
        where status in ('succeeded', 'failed') and command like '%into ticks%'`,
    );
    return rows[0];
  });
  expect(run).toEqual({ status: "succeeded", role: "postgres" });
  await database.query("select cron.unschedule('tick')");
});

test("schedules are read in UTC", async () => {
  const { rows } = await database.query("show cron.timezone");
  expect(rows).toEqual([{ "cron.timezone": "UTC" }]);
});
