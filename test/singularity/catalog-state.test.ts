import { readCatalogState } from "@centralcloud/db";
import { sides } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createTestDatabase, dropTestDatabase, type TestDatabase } from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";

/*
 * A database that a migration found in order is known by its digest, and not compared again while that stays the
 * same. That each damage changes it, each-object.test.ts shows.
 */

failOnLeaks();
const opened: TestDatabase[] = [];
const clients: pg.PoolClient[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const client of clients.splice(0)) client.release(true);
  for (const database of opened.splice(0)) await dropTestDatabase(database);
});

async function open(side: (typeof sides)[number]) {
  const database = await createTestDatabase(side);
  opened.push(database);
  const client = await database.pool.connect();
  clients.push(client);
  const isKnown = async () => (await readCatalogState(side, client))?.isKnown;
  return { database, client, isKnown };
}

/** The statements that this process sends from now on. */
function watchStatements(): string[] {
  const statements: string[] = [];
  const query = pg.Client.prototype.query as (...words: unknown[]) => unknown;
  vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (
    this: pg.Client,
    ...words: unknown[]
  ) {
    const [first] = words;
    statements.push(typeof first === "string" ? first : (first as { text: string }).text);
    return query.apply(this, words) as never;
  });
  return statements;
}

const isComparison = (statement: string) => statement.includes("pg_get_constraintdef");

describe.each(sides)("%s", (side) => {
  test("a database that a migration found in order is known, and so is a clone of it", async () => {
    const { isKnown } = await open(side);
    expect(await isKnown()).toBe(true);
  });

  test("neither migrate nor the doctor compares what is known, and both compare what is not", async () => {
    const { database, isKnown } = await open(side);
    const other = await open(side === "source" ? "central" : "source");
    const [source, central] =
      side === "source" ? [database, other.database] : [other.database, database];
    const system = { singularity: source, central };
    const statements = watchStatements();
    expect(await migrateAndSchedule(side, database.url, () => {})).toMatchObject({ repaired: [] });
    // What sets the session and the transaction, what was applied, the digest, the roles. Not those of pg_cron, which
    // also forgets the jobs of every database that is gone: of tests beside this one.
    expect(statements.filter((one) => !/\bcron\b/.test(one)).length).toBeLessThan(30);
    await examine(system);
    expect(statements.filter(isComparison)).toEqual([]);

    await database.pool.query("alter function public.gen_ulid() cost 7").catch(async () => {
      await database.pool.query("drop index central.change_log_committed_at_idx");
    });
    expect(await isKnown()).toBe(false);
    const findings = await examine(system);
    expect(statements.filter(isComparison)).toHaveLength(1);
    expect(
      findings.filter(({ check, severity }) => check === "drift" && severity === "error"),
    ).toHaveLength(1);
    expect((await migrateAndSchedule(side, database.url, () => {})).repaired).toHaveLength(1);
    expect(await isKnown()).toBe(true);
  });

  test("what an application does, and what keeps a database in shape, leaves it known", async () => {
    const { client, isKnown } = await open(side);
    const [table, view] =
      side === "source"
        ? ["public.agent_sessions", "public.agent_performance_5min"]
        : ["central.agent_sessions", undefined];
    for (const statement of [
      "create table public.of_an_application (id integer primary key)",
      "create temporary table of_a_session (id integer)",
      "create function public.of_an_application() returns integer language sql as 'select 1'",
      `create schema of_an_application; create table of_an_application.agents (id integer);
       create table of_an_application.sources (id integer);
       create function of_an_application.read() returns integer language sql as 'select 1'`,
      `truncate ${table}`,
      `vacuum (full, analyze) ${table}`,
      "vacuum (freeze) pg_class",
      "vacuum (full) pg_class",
      "vacuum (freeze, analyze)",
      ...(view === undefined
        ? []
        : [
            `refresh materialized view ${view}`,
            `refresh materialized view concurrently ${view}`,
            "select public.run_job('refresh-metrics-every-30min', 'test')",
            "select pgmq.send('agent-sessions', '{}')",
          ]),
    ]) {
      await client.query(statement);
      expect({ statement, isKnown: await isKnown() }).toEqual({ statement, isKnown: true });
    }
  });

  test("what happens to roles and to the database itself is noticed", async () => {
    const { client, isKnown } = await open(side);
    // Roles belong to the server, so all of it is taken back.
    for (const statement of [
      "create role state_reader; grant state_reader to centralcloud_consumer",
      "alter role centralcloud_auditor rename to state_auditor",
      "alter role centralcloud_auditor noinherit",
      `do $$ begin execute format('grant create on database %I to centralcloud_auditor', current_database()); end $$`,
      `do $$ begin execute format('revoke all on database %I from centralcloud_owner, public', current_database()); end $$`,
      "create role state_reader; grant centralcloud_owner to state_reader; alter schema centralcloud_migrations owner to state_reader",
    ]) {
      await client.query("begin");
      await client.query(statement);
      const known = await isKnown();
      await client.query("rollback");
      expect({ statement, known }).toEqual({ statement, known: false });
    }
    expect(await isKnown()).toBe(true);
  });

  test("a record that others than our owner could have written is not believed", async () => {
    const { client, isKnown } = await open(side);
    const comparisons = "centralcloud_migrations.comparisons";
    await client.query("begin; set local role centralcloud_auditor");
    await expect(client.query(`update ${comparisons} set digest = ''`)).rejects.toThrow(/denied/);
    await client.query("rollback");
    for (const statement of [
      `grant update on ${comparisons} to centralcloud_auditor`,
      `grant update (digest) on ${comparisons} to public`,
      "grant create on schema centralcloud_migrations to centralcloud_auditor",
      `alter table ${comparisons} owner to centralcloud_auditor`,
    ]) {
      await client.query("begin");
      await client.query(statement);
      const { digest } = (await readCatalogState(side, client)) ?? {};
      await client.query(`update ${comparisons} set digest = $1`, [digest]);
      const known = await isKnown();
      await client.query("rollback");
      expect({ statement, known }).toEqual({ statement, known: false });
    }
  });

  test("another build, or one with another manifest, compares", async () => {
    const { client, isKnown } = await open(side);
    await client.query("update centralcloud_migrations.comparisons set build = 'another'");
    expect(await isKnown()).toBe(false);
  });

  test("what could not be repaired stays unknown, and is told each time", async () => {
    const { database, isKnown } = await open(side);
    const [table, column] =
      side === "source" ? ["public.agents", "agent_id"] : ["central.sources", "name"];
    await database.pool.query(`alter table ${table} alter column ${column} type varchar(80) `);
    for (let run = 0; run < 2; run += 1) {
      const { remaining } = await migrateAndSchedule(side, database.url, () => {});
      expect(remaining.length).toBeGreaterThan(0);
      expect(await isKnown()).toBe(false);
    }
  });
});

test("jobs and queues, which are rows, are part of it", async () => {
  const { client, isKnown } = await open("source");
  for (const statement of [
    "update scheduled_jobs set schedule = '1 2 3 4 5' where job_name = 'update-knowledge-hourly'",
    "delete from pgmq.meta where queue_name = 'agent-sessions'",
  ]) {
    await client.query("begin");
    await client.query(statement);
    const known = await isKnown();
    await client.query("rollback");
    expect({ statement, known }).toEqual({ statement, known: false });
  }
});

test("a login that may not see all of it can't tell", async () => {
  const { client } = await open("source");
  await client.query("begin");
  await client.query("grant usage on schema centralcloud_migrations to centralcloud_application");
  await client.query("set local role centralcloud_application");
  expect(await readCatalogState("source", client)).toBeUndefined();
  await client.query("rollback; begin; set local role centralcloud_owner");
  expect(await readCatalogState("source", client)).toMatchObject({ isKnown: true });
  await client.query("rollback");
});
