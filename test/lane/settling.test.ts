import { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { createTestLane, storeThatMerges } from "../support/lanes.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "settled_beside";
const batchSize = 5;
let merged: string[];

beforeEach(async () => {
  merged = [];
  await queues().create(queue);
});
afterEach(() => system.singularity.pool.query("select pgmq.drop_queue($1)", [queue]));

const queues = () => new QueueClient(system.singularity.pool);

/** One batch at a time; it checks nothing. */
function createNarrowLane() {
  return createTestLane(system.singularity.pool, {
    queue,
    batchSize,
    // A read does not know yet how large the messages are, and takes as many of these as it wants nevertheless.
    maxMessageBytes: 1_000,
    concurrency: 1,
    observe() {},
    handler: {
      check: () => ({ accepted: true, document: "{}" }),
      store: storeThatMerges((ids) => void merged.push(...ids)),
    },
  });
}

/** Nothing can be archived until it is let go. */
async function holdUpArchiving(): Promise<{ letGo(): Promise<void> }> {
  const holder = await system.singularity.pool.connect();
  await holder.query(`begin; lock table pgmq.a_${queue} in exclusive mode`);
  return {
    async letGo() {
      await holder.query("rollback");
      holder.release();
    },
  };
}

test("while a batch is archived the next ones are merged, but no more than a few", async () => {
  await queues().sendBatch(queue, Array(20 * batchSize).fill("{}"));
  const archiving = await holdUpArchiving();
  const lane = createNarrowLane();
  await lane.start();
  try {
    await until("a second batch is merged", () => merged.length >= 2 * batchSize);
    const inFlight = async () => (await queues().metrics(queue)).inFlight;
    // One settles, one waits to, one is merged, one is read ahead.
    await until("as many are in flight as may be", async () => (await inFlight()) > batchSize);
    expect(await inFlight()).toBeLessThanOrEqual(4 * batchSize);
  } finally {
    await archiving.letGo();
  }
  await until("all are archived", () => queues().isEmpty(queue));
  await lane.stop();
  expect(new Set(merged).size).toBe(20 * batchSize);
  expect(merged).toHaveLength(20 * batchSize);
});

test("a stop waits for what is merged and not yet archived", async () => {
  const ids = await queues().sendBatch(queue, Array(batchSize).fill("{}"));
  const archiving = await holdUpArchiving();
  const lane = createNarrowLane();
  await lane.start();
  await until("it is merged", () => merged.length === batchSize);
  expect(lane.idle).toBe(false);
  const stopped = lane.stop(20_000);
  await archiving.letGo();
  await stopped;
  const { rows } = await system.singularity.pool.query<{ msg_id: string }>(
    `select msg_id::text from pgmq.a_${queue} order by 1`,
  );
  expect(rows.map((row) => row.msg_id)).toEqual([...ids].sort());
});
