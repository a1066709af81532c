import { type Queryable, QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { createTestLane, storeThatMerges } from "../support/lanes.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "read_with_slot";
const limits = {
  visibilityTimeoutS: 30,
  quantity: 10,
  maxMessageBytes: 1_000,
  maxBatchBytes: 100_000,
};

beforeEach(() => queues().create(queue));
afterEach(() => system.singularity.pool.query("select pgmq.drop_queue($1)", [queue]));

const queues = () => new QueueClient(system.singularity.pool);

test("a reader is refused while all slots are taken, and the messages stay where they are", async () => {
  await queues().sendBatch(queue, ["{}", "{}"]);
  const other = await system.singularity.pool.connect();
  try {
    await other.query("begin");
    const first = await new QueueClient(other).readWithSlot(
      queue,
      { ...limits, quantity: 1 },
      { maxReaders: 1 },
    );
    expect(first).toHaveLength(1);
    expect(await queues().readWithSlot(queue, limits, { maxReaders: 1 })).toBe("no-slot");
    expect(await queues().readWithSlot(queue, limits, { maxReaders: 2 })).toHaveLength(1);
    await other.query("commit");
    expect(await queues().readWithSlot(queue, limits, { maxReaders: 1 })).toEqual([]);
  } finally {
    other.release();
  }
});

test.each(["in its read", "in a question before"])(
  "a reader is refused %s while others have claimed so much just now, and it is still in flight",
  async (when) => {
    const asksFirst = when === "in a question before";
    const unless = (claimed: number) => ({
      unlessOthers: { claimed, withinMs: 20_000, asksFirst },
    });
    await queues().sendBatch(queue, Array(5).fill("{}"));
    // They will be visible when what is claimed now would be.
    const delayed = "select pgmq.send_batch($1, array_fill('{}'::jsonb, array[5]), delay => 30)";
    await system.singularity.pool.query(delayed, [queue]);
    const claimed = await queues().read(queue, { ...limits, quantity: 3 });
    expect(await queues().readWithSlot(queue, limits, unless(3))).toBe("not-needed");
    await new QueueClient(system.singularity.pool).archive(queue, claimed.slice(0, 1));
    expect(await queues().readWithSlot(queue, limits, unless(3))).toHaveLength(2);
  },
);

test("a read can begin behind an id, and is otherwise like any other", async () => {
  const ids = await queues().sendBatch(queue, ["{}", "{}", "{}"]);
  const behind = await queues().read(queue, { ...limits, afterId: ids[0] as string });
  expect(behind.map(({ msgId, readCount }) => [msgId, readCount])).toEqual([
    [ids[1], 1],
    [ids[2], 1],
  ]);
  const rest = await queues().read(queue, limits);
  expect(rest.map(({ msgId }) => msgId)).toEqual([ids[0]]);
});

test("readers that do not end keep nobody out for long", async () => {
  await queues().sendBatch(queue, ["{}"]);
  const stuck = await system.singularity.pool.connect();
  await stuck.query("begin");
  for (let reader = 1; reader <= 4; reader++) {
    await stuck.query(
      "select pg_advisory_xact_lock(hashtextextended('centralcloud read ' || $1, $2))",
      [queue, reader],
    );
  }
  const merged: string[] = [];
  const lane = createTestLane(system.singularity.pool, {
    queue,
    observe() {},
    handler: {
      check: () => ({ accepted: true, document: "{}" }),
      store: storeThatMerges((ids) => void merged.push(...ids)),
    },
  });
  await lane.start();
  await until("it is merged", () => queues().isEmpty(queue));
  await lane.stop();
  await stuck.query("rollback");
  stuck.release();
  expect(merged).toHaveLength(1);
});

test("messages that come back in front of where a busy lane reads are not left behind", async () => {
  const ids = await queues().sendBatch(queue, Array(4_000).fill("{}"));
  const early = ids.slice(0, 5);
  await system.singularity.pool.query(
    `update pgmq.q_${queue} set vt = clock_timestamp() + interval '1 hour' where msg_id = any ($1)`,
    [early],
  );
  const merged: string[] = [];
  let batches = 0;
  let batchesWhenBack = Number.POSITIVE_INFINITY;
  const seenAfter: number[] = [];
  const store = storeThatMerges((done) => {
    batches += 1;
    if (early.some((id) => done.includes(id))) seenAfter.push(batches - batchesWhenBack);
    merged.push(...done);
  });
  const lane = createTestLane(system.singularity.pool, {
    queue,
    batchSize: 20,
    maxMessageBytes: 1_000,
    observe() {},
    handler: {
      async check() {
        if (batches >= 20 && batchesWhenBack === Number.POSITIVE_INFINITY) {
          batchesWhenBack = batches;
          await system.singularity.pool.query(
            `update pgmq.q_${queue} set vt = clock_timestamp() where msg_id = any ($1)`,
            [early],
          );
        }
        return { accepted: true, document: "{}" };
      },
      store,
    },
  });
  await lane.start();
  await until("all are merged", () => queues().isEmpty(queue));
  await lane.stop();
  expect(new Set(merged).size).toBe(4_000);
  expect(Math.max(...seenAfter)).toBeLessThan(30);
});

test("reading and archiving look at the batch, and not at the rest of the queue", async () => {
  const { pool } = system.singularity;
  await pool.query(
    `select count(*) from pgmq.send_batch('${queue}', array_fill('{"filler": "${"x".repeat(300)}"}'::jsonb, array[20000]))`,
  );
  await pool.query(`analyze pgmq.q_${queue}`);
  const client = await pool.connect();
  try {
    // Inside a transaction a session sees what it has counted itself.
    await client.query("begin");
    const before = await scansBy(client);
    const claimed = await new QueueClient(client).read(queue, { ...limits, quantity: 500 });
    const archived = await new QueueClient(client).archive(queue, claimed);
    expect({ claimed: claimed.length, archived }).toEqual({ claimed: 500, archived: 500 });
    expect(await scansBy(client)).toBe(before);
  } finally {
    await client.query("rollback");
    client.release();
  }
});

/** How often a session has read the whole queue. */
async function scansBy(client: Queryable): Promise<number | undefined> {
  const { rows } = await client.query<{ scans: number }>(
    "select seq_scan::integer as scans from pg_stat_xact_user_tables where relname = $1",
    [`q_${queue}`],
  );
  return rows[0]?.scans;
}
