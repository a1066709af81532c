import { type ClaimedMessage, type Queryable, QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

/* An answer can be lost, so whoever asked asks again; meanwhile, another reader may have claimed the message. */

const system = useSystem();
failOnLeaks(system);
const queue = "claimed";
const queues = () => new QueueClient(system.singularity.pool);

beforeEach(async () => {
  await queues().create(queue);
  await queues().create(`${queue}-dlq`);
  await queues().send(queue, "{}");
});
afterEach(() =>
  system.singularity.pool.query("select pgmq.drop_queue($1), pgmq.drop_queue($1 || '-dlq')", [
    queue,
  ]),
);

async function read(visibilityTimeoutS = 60): Promise<readonly ClaimedMessage[]> {
  const limits = { quantity: 10, maxMessageBytes: 1_000, maxBatchBytes: 1_000 };
  const messages = await queues().read(queue, { visibilityTimeoutS, ...limits });
  expect(messages).toHaveLength(1);
  return messages;
}

async function expectClaimed(messages: readonly ClaimedMessage[]): Promise<void> {
  expect(await queues().metrics(queue)).toMatchObject({ total: 1, inFlight: 1 });
  expect(await queues().extendLease(queue, messages)).toEqual(messages.map(({ msgId }) => msgId));
}

const later = (messages: readonly ClaimedMessage[]) =>
  messages.map((message) => ({ message, seconds: 0 }));

const deadLetters = (messages: readonly ClaimedMessage[]) => {
  const refusal = { reason: "invalid", error: { code: "test", message: "test" } };
  return messages.map((message) => ({ message, refusal, attempts: [] }));
};

test("a release that is asked for again leaves a later claim alone", async () => {
  const ours = await read();
  expect(await queues().release(queue, ours)).toBe(1);
  const theirs = await read();
  expect(theirs[0]?.readCount).toBe(ours[0]?.readCount);
  expect(await queues().release(queue, ours)).toBe(0);
  expect(await queues().extendLease(queue, ours)).toEqual([]);
  expect(await queues().deadLetter(queue, deadLetters(ours))).toEqual([]);
  await expectClaimed(theirs);
});

test("a release with delay that is asked for again leaves a later claim alone", async () => {
  await read(0);
  const ours = await read();
  expect(await queues().releaseWithDelay(queue, later(ours))).toBe(1);
  const theirs = await read();
  expect(theirs[0]?.readCount).toBe(ours[0]?.readCount);
  expect(await queues().releaseWithDelay(queue, later(ours))).toBe(0);
  await expectClaimed(theirs);
});

test("a claim outlasts extensions whose question or answer is lost", async () => {
  const ours = await read(1);
  const { pool } = system.singularity;
  const answerLost: Pick<Queryable, "query"> = {
    query: async (...given: Parameters<typeof pool.query>) => {
      await pool.query(...given);
      throw new Error("the answer was lost");
    },
  } as Queryable;
  const questionLost = {
    query: async () => {
      throw new Error("the question was lost");
    },
  } as unknown as Queryable;
  for (const db of [answerLost, questionLost, answerLost]) {
    await expect(new QueueClient(db).extendLease(queue, ours)).rejects.toThrow("lost");
  }
  await expectClaimed(ours);
  await expect(new QueueClient(questionLost).extendLease(queue, ours)).rejects.toThrow("lost");
  expect(await queues().release(queue, ours)).toBe(1);
  const theirs = await read();
  expect(theirs[0]?.readCount).toBe(1);
});

test("an extension leases a message as long from now as its read did", async () => {
  const ours = await read(5);
  const visibleInMs = async () => (await queues().nextVisibleInMs(queue)) ?? 0;
  const before = await visibleInMs();
  await system.singularity.pool.query("select pg_sleep(0.2)");
  expect(await visibleInMs()).toBeLessThan(before);
  const askedAt = performance.now();
  expect(await queues().extendLease(queue, ours)).toHaveLength(1);
  const leasedMs = (await visibleInMs()) + (performance.now() - askedAt);
  expect(leasedMs).toBeGreaterThanOrEqual(5_000);
});

test("all that a queue keeps of a message is archived, whatever columns its version of pgmq has", async () => {
  const { pool } = system.singularity;
  const tables = [`pgmq."q_${queue}"`, `pgmq."a_${queue}"`];
  for (const table of tables) {
    await pool.query(`alter table ${table} add column if not exists last_read_at timestamptz`);
  }
  const client = queues();
  const messages = await read();
  await pool.query(`update ${tables[0]} set last_read_at = '2026-01-01', headers = '{"a": 1}'`);
  const { rows: before } = await pool.query(`select * from ${tables[0]}`);
  expect(await client.archive(queue, messages)).toBe(1);
  const { rows } = await pool.query(`select * from ${tables[1]}`);
  expect(rows).toEqual([{ ...before[0], archived_at: expect.any(Date) }]);

  await queues().send(queue, "{}");
  const others = await read();
  for (const table of tables) await pool.query(`alter table ${table} drop column last_read_at`);
  expect(await client.archive(queue, others)).toBe(1);
  expect(await queues().isEmpty(queue)).toBe(true);
});

test("a message whose id is in the archive already keeps all of it, too, also what a later version of pgmq has added", async () => {
  const { pool } = system.singularity;
  const tables = [`pgmq."q_${queue}"`, `pgmq."a_${queue}"`];
  const client = queues();
  await client.archive(queue, await read());
  // As a later version of pgmq might.
  for (const table of tables) await pool.query(`alter table ${table} add column priority integer`);
  await pool.query(
    `alter table ${tables[0]} alter column msg_id restart with 1; update ${tables[1]} set msg_id = 1`,
  );
  await queues().send(queue, "{}");
  const again = await read();
  await pool.query(`update ${tables[0]} set priority = 7`);
  const { rows: before } = await pool.query(`select * from ${tables[0]}`);
  expect(await new QueueClient(pool).archive(queue, again)).toBe(1);
  const { rows } = await pool.query(`select * from ${tables[1]} where msg_id < 0`);
  expect(rows).toEqual([
    {
      ...before[0],
      msg_id: "-1",
      headers: { archived_msg_id: Number(before[0].msg_id) },
      archived_at: expect.any(Date),
    },
  ]);
});
