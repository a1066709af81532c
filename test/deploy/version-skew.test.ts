import { createConsumer } from "@centralcloud/consumer";
import { ensurePgmq, readLandedStates } from "@centralcloud/db";
import { type Side, sides } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import type { Pool } from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { archivedIn, configurationFor, deadLettersOf, queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  databaseOf,
  dropTestDatabase,
  type TestDatabase,
  type TestSystem,
} from "../support/databases.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const silent = () => {};
const queue = "centralcloud-new-patterns";
const opened: TestDatabase[] = [];

afterEach(async () => {
  for (const database of opened.splice(0)) await dropTestDatabase(database);
});

async function open(side?: Side): Promise<TestDatabase> {
  const database = await createTestDatabase(side);
  opened.push(database);
  return database;
}

/** A database as the migration before the newest one left it. */
async function openOlder(side: Side): Promise<TestDatabase> {
  const older = readLandedStates(side).at(-2);
  if (older === undefined) throw new Error(`${side} has landed in one state only`);
  const database = await open();
  const client = await database.pool.connect();
  if (side === "source") await ensurePgmq(client, silent);
  await client.query(older.script);
  client.release(true);
  return database;
}

async function observationsIn({ central }: TestSystem): Promise<number> {
  const { rows } = await central.pool.query<{ count: number }>(
    "select coalesce(sum(observation_count), 0)::integer as count from central.patterns",
  );
  return rows[0]?.count ?? 0;
}

describe("a consumer of this version", () => {
  test.each([
    { which: "both databases are", older: ["source", "central"] },
    { which: "the source is", older: ["source"] },
    { which: "the central store is", older: ["central"] },
  ])("works where $which a version older, and while that changes", async ({ older }) => {
    const openAs = (side: Side) => (older.includes(side) ? openOlder(side) : open(side));
    const system = { singularity: await openAs("source"), central: await openAs("central") };
    const queues = queuesOf(system);
    const consumer = createConsumer(configurationFor(system), silent);
    const send = (count: number) =>
      queues.sendBatch(queue, [
        ...Array.from({ length: count }, () => patternMessage()),
        patternMessage({ confidence: 2 }),
      ]);
    await consumer.start();
    try {
      await send(100);
      await until("the first are consumed", () => queues.isEmpty(queue));
      for (const side of sides)
        await migrateAndSchedule(side, databaseOf(system, side).url, silent);
      await send(100);
      await until("the others are consumed", () => queues.isEmpty(queue));
      await until("it is ready", () => consumer.health().working);
    } finally {
      await consumer.stop();
    }
    expect(await archivedIn(system, queue)).toBe(200);
    expect(await observationsIn(system)).toBe(200);
    const deadLetters = await deadLettersOf(system, queue);
    expect(deadLetters.map(({ reason }) => reason)).toEqual(["invalid", "invalid"]);
  });

  test("waits for databases that were never migrated, and is ready when they are", async () => {
    const system = { singularity: await open(), central: await open() };
    const faults = new Set<string>();
    const consumer = createConsumer(configurationFor(system), (observation) => {
      if (observation.event === "lane-fault") faults.add(`${observation.side} ${observation.kind}`);
    });
    const waitingFor = () => consumer.health().sources[0]?.waitingFor;
    await consumer.start();
    try {
      await until("it waits for the source", () =>
        waitingFor()?.includes("run `centralcloud migrate --only singularity`"),
      );
      await migrateAndSchedule("source", system.singularity.url, silent);
      await queuesOf(system).sendBatch(queue, [patternMessage()]);
      await until("the central store is not migrated", () => faults.has("central not-migrated"));
      expect(consumer.health()).toMatchObject({ ready: false, working: false });
      await migrateAndSchedule("central", system.central.url, silent);
      await until("the message is consumed", () => queuesOf(system).isEmpty(queue));
      await until("it is ready", () => consumer.health().working);
    } finally {
      await consumer.stop();
    }
    expect(await observationsIn(system)).toBe(1);
  });
});

describe("what a consumer of the version before calls", () => {
  test.each(sides)("is still there in %s, by its old signature and for its role", async (side) => {
    const before = await callableBy("centralcloud_consumer", (await openOlder(side)).pool);
    const now = await callableBy("centralcloud_consumer", (await open(side)).pool);
    // Of the merges' own tables only; a consumer has never read one itself.
    const kept = before.filter((right) => !right.includes(" central.pattern_sources."));
    expect(kept.length).toBeGreaterThan(0);
    expect(now).toEqual(expect.arrayContaining(kept));
  });
});

/** Our functions and tables that a role may use, and how. */
async function callableBy(role: string, database: Pool): Promise<string[]> {
  const { rows } = await database.query<{ right: string }>(
    // As it may be called: a parameter with a default may be left out.
    `select format('%s(%s) returns %s', regexp_replace(p.oid::regprocedure::text, '[(].*', ''),
                   (select string_agg(format_type(a.type, null), ',' order by a.number)
                      from unnest(p.proargtypes::oid[]) with ordinality a (type, number)
                     where a.number <= p.pronargs - n.left_out),
                   pg_get_function_result(p.oid)) as right
       from pg_proc p
      cross join generate_series(0, p.pronargdefaults) n (left_out)
      where p.pronamespace in (select oid from pg_namespace where nspname in ('public', 'central'))
        and has_function_privilege($1, p.oid, 'execute')
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
     union all
     select format('%s %s.%s %s', r.name, c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod))
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      cross join (values ('select'), ('insert'), ('update')) r (name)
      where (c.relnamespace in (select oid from pg_namespace where nspname in ('public', 'central'))
             or c.relnamespace = to_regnamespace('pgmq') and c.relname ~ '^[aq]_')
        and c.relkind in ('r', 'v', 'p')
        and has_column_privilege($1, c.oid, a.attnum, r.name)`,
    [role],
  );
  return rows.map(({ right }) => right);
}
