import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { DatabaseNewerError, ensurePgmq, landedNameOf, readLandedStates } from "@centralcloud/db";
import { type Side, sides } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import { afterEach, describe, expect, test } from "vitest";
import { createTestDatabase, dropTestDatabase, type TestDatabase } from "../support/databases.ts";
import { describeDatabase } from "../support/describe-database.ts";
import { failOnLeaks } from "../support/leaks.ts";

failOnLeaks();
const opened: TestDatabase[] = [];
const silent = () => {};

afterEach(async () => {
  for (const database of opened.splice(0)) await dropTestDatabase(database);
});

async function open(side?: Side): Promise<TestDatabase> {
  const database = await createTestDatabase(side);
  opened.push(database);
  return database;
}

describe.each(sides)("%s", (side) => {
  test("migrating twice changes nothing the second time", async () => {
    const database = await open();
    const first = await migrateAndSchedule(side, database.url, silent);
    expect(first.migrations.length).toBeGreaterThan(0);
    const before = await describeDatabase(database.pool);
    const second = await migrateAndSchedule(side, database.url, silent);
    expect(second).toMatchObject({ side, migrations: [], objectsApplied: 0 });
    expect(await describeDatabase(database.pool)).toEqual(before);
  });

  test("migrating from several places at once happens once", async () => {
    const database = await open();
    const results = await Promise.all(
      Array.from({ length: 4 }, () => migrateAndSchedule(side, database.url, silent)),
    );
    const working = results.filter((result) => result.migrations.length > 0);
    expect(working).toHaveLength(1);
  });

  test("a database that is newer than this build is refused, and not touched", async () => {
    const database = await open(side);
    await database.pool.query(
      `insert into centralcloud_migrations.migrations (plane, name, created_at)
       values ($1, '9999_from_the_future', 9999999999999)`,
      [landedNameOf(side)],
    );
    const before = await describeDatabase(database.pool);
    const attempt = migrateAndSchedule(side, database.url, silent);
    await expect(attempt).rejects.toThrow(DatabaseNewerError);
    await expect(attempt).rejects.toThrow(/9999_from_the_future.*Run the newer build/);
    expect(await describeDatabase(database.pool)).toEqual(before);
  });

  test("a database that has one that this build does not know, and lacks one that it knows, is refused", async () => {
    const database = await open(side);
    await database.pool.query(
      `update centralcloud_migrations.migrations m set name = 'from_another_branch'
        where m.plane = $1
          and m.created_at = (select max(o.created_at) from centralcloud_migrations.migrations o where o.plane = $1)`,
      [landedNameOf(side)],
    );
    const before = await describeDatabase(database.pool);
    const attempt = migrateAndSchedule(side, database.url, silent);
    await expect(attempt).rejects.toThrow(DatabaseNewerError);
    expect(await describeDatabase(database.pool)).toEqual(before);
  });

  test("a migration that fails leaves nothing behind", async () => {
    const database = await open();
    const conflict = side === "source" ? "public.pending_tasks" : "central.patterns";
    await database.pool.query(
      `create schema if not exists central; create table ${conflict} (x int)`,
    );
    await expect(migrateAndSchedule(side, database.url, silent)).rejects.toThrow("already exists");
    const { rows } = await database.pool.query(
      "select to_regclass('centralcloud_migrations.migrations') as records, to_regclass('pgmq.meta') as pgmq",
    );
    expect(rows).toEqual([{ records: null, pgmq: null }]);
  });

  test("changed SQL objects are applied again, and only then", async () => {
    const database = await open(side);
    await database.pool.query("update centralcloud_migrations.objects set checksum = 'older'");
    const result = await migrateAndSchedule(side, database.url, silent);
    expect(result.migrations).toEqual([]);
    expect(result.objectsApplied).toBeGreaterThan(0);
    expect((await migrateAndSchedule(side, database.url, silent)).objectsApplied).toBe(0);
  });

  test.each(readLandedStates(side).map(({ name }) => name))(
    "a database upgraded from %s equals a fresh one",
    async (name) => {
      const upgraded = await open();
      const client = await upgraded.pool.connect();
      if (side === "source") await ensurePgmq(client, silent);
      const state = readLandedStates(side).find((candidate) => candidate.name === name);
      await client.query(state?.script ?? "");
      client.release(true);
      await migrateAndSchedule(side, upgraded.url, silent);
      const fresh = await open();
      await migrateAndSchedule(side, fresh.url, silent);
      expect(await describeDatabase(upgraded.pool)).toEqual(await describeDatabase(fresh.pool));
    },
  );

  test("drizzle-kit push is refused before it reaches a database", () => {
    const packageDirectory = fileURLToPath(new URL("../../packages/db", import.meta.url));
    const { status, stderr } = spawnSync("node_modules/.bin/drizzle-kit", ["push", "--force"], {
      cwd: packageDirectory,
      env: { ...process.env, DATABASE_FOLDER: landedNameOf(side) },
      encoding: "utf8",
    });
    expect(status).not.toBe(0);
    expect(stderr).toContain("push is switched off");
  });
});

test("an upgrade keeps which sources have seen a pattern, and a merge continues from there", async () => {
  const database = await open();
  const state = readLandedStates("central").find(({ name }) => name.startsWith("0001_"));
  const client = await database.pool.connect();
  await client.query(state?.script ?? "");
  client.release(true);
  const sources = [1, 2].map((n) => `00000000-0000-4000-8000-00000000000${n}`);
  const merge = (source: string | undefined, id: number, pattern: object) =>
    database.pool.query(
      `select central.merge_patterns($1, 'q', array[$2::bigint], array[timestamptz '2026-01-01'], $3)`,
      [
        source,
        id,
        JSON.stringify([{ agent_id: "a", pattern, learned_at: "2026-01-01T00:00:00Z" }]),
      ],
    );
  await merge(sources[1], 1, { seen: "by both" });
  await merge(sources[0], 1, { seen: "by both" });
  await merge(sources[1], 2, { seen: "by one" });
  await migrateAndSchedule("central", database.url, silent);
  await merge(sources[1], 3, { seen: "by one" });
  await merge(sources[0], 2, { seen: "by one" });
  const { rows } = await database.pool.query(
    `select pattern ->> 'seen' as seen, source_count, source_ids, observation_count::integer
       from central.patterns order by 1`,
  );
  expect(rows).toEqual([
    { seen: "by both", source_count: 2, source_ids: sources, observation_count: 2 },
    { seen: "by one", source_count: 2, source_ids: sources, observation_count: 3 },
  ]);
});

test("both sides live in one database when they must", async () => {
  const database = await open();
  for (const side of sides) await migrateAndSchedule(side, database.url, silent);
  const { rows } = await database.pool.query(
    "select (select count(*)::integer from singularity_source) as sources, to_regclass('central.patterns')::text as patterns",
  );
  expect(rows).toEqual([{ sources: 1, patterns: "central.patterns" }]);
});

test("the source keeps its identity through every later migration", async () => {
  const database = await open("source");
  const read = async () => (await database.pool.query("select * from singularity_source")).rows;
  const before = await read();
  await database.pool.query("update centralcloud_migrations.objects set checksum = 'older'");
  await migrateAndSchedule("source", database.url, silent);
  expect(await read()).toEqual(before);
  await expect(
    database.pool.query(
      "insert into singularity_source (singleton, name) values (false, 'second')",
    ),
  ).rejects.toThrow("there_is_one_source");
});

test("pgmq that is there already is kept as it is", async () => {
  const database = await open();
  const client = await database.pool.connect();
  await ensurePgmq(client, silent);
  await client.query("select pgmq.create('mine'); select pgmq.send('mine', '{}')");
  client.release(true);
  const observations: string[] = [];
  await migrateAndSchedule("source", database.url, ({ event }) => observations.push(event));
  expect(observations).not.toContain("pgmq-installed");
  const { rows } = await database.pool.query("select count(*)::integer as count from pgmq.q_mine");
  expect(rows).toEqual([{ count: 1 }]);
});

test("the queues and their dead-letter queues are set up for a high turnover", async () => {
  const database = await open("source");
  const { rows } = await database.pool.query<{ name: string; options: string[] }>(
    `select relname as name, reloptions as options from pg_class
      where relnamespace = 'pgmq'::regnamespace and relname ~ '^q_' and relkind = 'r' order by 1`,
  );
  expect(rows.map((row) => row.name)).toEqual([
    "q_agent-knowledge-updates",
    "q_agent-knowledge-updates-dlq",
    "q_agent-sessions",
    "q_agent-sessions-dlq",
    "q_centralcloud-new-patterns",
    "q_centralcloud-new-patterns-dlq",
  ]);
  for (const row of rows) expect(row.options).toContain("autovacuum_vacuum_scale_factor=0");
});
