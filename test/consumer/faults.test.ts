import { createConsumer } from "@centralcloud/consumer";
import { afterEach, beforeEach, expect, test } from "vitest";
import { archivedIn, configurationFor, deadLettersOf, queuesOf } from "../support/consumer.ts";
import { type TestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
let observations: Observation[] = [];
let consumer: ReturnType<typeof createConsumer>;

beforeEach(async () => {
  observations = [];
  // A read whose answer is lost claims messages that nobody knows of, until their lease ends.
  const configuration = configurationFor(system, { backlogBatchSize: 500, visibilityTimeoutS: 3 });
  consumer = createConsumer(configuration, (event) => void observations.push(event));
  await consumer.start();
  await until("the consumer is ready", () => consumer.health().working);
});

afterEach(() => consumer.stop());

async function send(count: number): Promise<void> {
  await queuesOf(system).sendBatch(
    queue,
    Array.from({ length: count }, () => patternMessage()),
  );
}

function sawEvent(event: Observation["event"]): boolean {
  return observations.some((observation) => observation.event === event);
}

/** Refuses new connections to a database, and cuts those of the consumer. */
async function shutOff(database: TestDatabase, other: TestDatabase): Promise<void> {
  await other.pool.query(`alter database ${database.name} with allow_connections false`);
  await cutConnections(database, other);
}

/** Cuts its pool's connections and the one that a quiet source has. */
async function cutConnections(database: TestDatabase, other: TestDatabase): Promise<void> {
  await other.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = $1 and application_name in ('centralcloud-consumer', 'centralcloud-listener')`,
    [database.name],
  );
}

async function expectAllMerged(count: number): Promise<void> {
  await until("the queue is empty", () => queuesOf(system).isEmpty(queue));
  expect(await archivedIn(system, queue)).toBe(count);
  const { rows } = await system.central.pool.query(
    "select sum(observation_count)::integer as count from central.patterns",
  );
  expect(rows).toEqual([{ count }]);
  expect(await deadLettersOf(system, queue)).toEqual([]);
}

test("a missing merge function blames no message: reading stops, and work resumes when it is back", async () => {
  await system.central.pool.query("alter function central.merge_patterns rename to elsewhere");
  await send(100);
  const fault = await until("the lane meets the fault", () => {
    return consumer.health().sources[0]?.lanes.find((lane) => lane.queue === queue)?.fault;
  });
  expect(fault).toMatchObject({ side: "central" });
  expect(consumer.health()).toMatchObject({ ready: false, working: false });
  await system.central.pool.query("alter function central.elsewhere rename to merge_patterns");
  await expectAllMerged(100);
  await until("it says that it is ready again", () => consumer.health().working);
  expect(sawEvent("lane-recovered")).toBe(true);
});

test("work resumes by itself after the central database was shut off", async () => {
  await shutOff(system.central, system.singularity);
  await send(100);
  await until("the lane meets the fault", () => sawEvent("database-fault"));
  expect(consumer.health()).toMatchObject({ ready: false, central: { error: expect.any(String) } });
  await system.singularity.pool.query(
    `alter database ${system.central.name} with allow_connections true`,
  );
  await expectAllMerged(200);
});

test("work resumes by itself after the source was shut off", async () => {
  await shutOff(system.singularity, system.central);
  await until("the lane meets the fault", () => sawEvent("database-fault"));
  expect(consumer.health()).toMatchObject({ ready: true, working: false });
  await system.central.pool.query(
    `alter database ${system.singularity.name} with allow_connections true`,
  );
  await send(100);
  await expectAllMerged(300);
});

// In several batches: each round of it wants one.
test("connections cut again and again cost no message", async () => {
  await send(3_000);
  for (let round = 0; round < 5; round++) {
    await cutConnections(system.central, system.singularity);
    await cutConnections(system.singularity, system.central);
    await until("something is merged", () => sawEvent("batch-merged"));
    observations = [];
  }
  await expectAllMerged(3_300);
});

test("faults that are nobody's cost a message no delivery, however long they last", async () => {
  await system.central.pool.query("alter function central.merge_patterns rename to elsewhere");
  await send(10);
  const failures = () => observations.filter(({ event }) => event === "lane-fault").length;
  await until("the lane has met the fault many times", () => failures() >= 6);
  const { rows } = await system.singularity.pool.query(
    `select max(read_ct) as deliveries from pgmq."q_${queue}"`,
  );
  expect(rows[0].deliveries).toBeLessThanOrEqual(1);
  await system.central.pool.query("alter function central.elsewhere rename to merge_patterns");
  await expectAllMerged(3_310);
});

test("a queue whose table somebody has locked holds up no other queue of its source", async () => {
  await until("the lanes sleep", () => consumer.lanes.every((lane) => lane.idle));
  const client = await system.singularity.pool.connect();
  try {
    await client.query(`begin; lock table pgmq."q_agent-sessions" in access exclusive mode`);
    await send(1);
    await until("it is merged", () => sawEvent("batch-merged"), 8_000);
  } finally {
    client.release(true);
  }
  await expectAllMerged(3_311);
});

test("a source and a central store that say nothing do not hold up a stop", async () => {
  await send(2);
  const locks = [
    { pool: system.singularity.pool, table: `pgmq."q_agent-sessions"` },
    { pool: system.central.pool, table: "central.processed_messages" },
  ];
  const clients = await Promise.all(
    locks.map(async ({ pool, table }) => {
      const client = await pool.connect();
      await client.query(`begin; lock table ${table} in access exclusive mode`);
      return client;
    }),
  );
  await send(2);
  await until("a read and a merge wait for their locks", async () => {
    const { rows } = await system.central.pool.query(
      `select datname from pg_stat_activity
        where wait_event_type = 'Lock' and application_name = 'centralcloud-consumer' and datname = any ($1)`,
      [[system.central.name, system.singularity.name]],
    );
    return new Set(rows.map((row) => row.datname)).size === 2;
  });
  const startedAt = performance.now();
  try {
    await consumer.stop(200);
  } finally {
    for (const client of clients) client.release(true);
  }
  // Its own bounds are 0.2 s of grace, and a second each to release and to close.
  expect(performance.now() - startedAt).toBeLessThan(8_000);
});
