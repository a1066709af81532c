import { QueueClient } from "@centralcloud/queue";
import { afterEach, expect, test } from "vitest";
import { deadLettersOf, drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const limits = { visibilityTimeoutS: 30, maxMessageBytes: 1_048_576, maxBatchBytes: 4 * 1_048_576 };

afterEach(() => system.singularity.pool.query(`truncate pgmq."q_${queue}", pgmq."q_${queue}-dlq"`));

/** Puts copies of one value, which are stored as they are: nothing is compressed again. */
async function putCopies(message: string, copies: number): Promise<void> {
  await system.singularity.pool.query(
    `with one as (
       insert into pgmq."q_${queue}" (vt, message) values (clock_timestamp(), ${message}) returning message
     ) select from one`,
  );
  await system.singularity.pool.query(
    `insert into pgmq."q_${queue}" (vt, message)
     select clock_timestamp(), q.message from pgmq."q_${queue}" q, generate_series(2, $1)`,
    [copies],
  );
}

/** Bytes that a statement wrote to temporary files, by the server's own plan. */
async function temporaryBytesOf(statement: () => Promise<unknown>): Promise<number> {
  const bytes = async () => {
    const { rows } = await system.singularity.pool.query<{ bytes: number }>(
      `select pg_stat_force_next_flush(), temp_bytes::float8 as bytes
         from pg_stat_database where datname = current_database()`,
    );
    return rows[0]?.bytes ?? 0;
  };
  const before = await bytes();
  await statement();
  return (await bytes()) - before;
}

test("two hundred messages of 36 MB each, 412 kB as stored, cost a read no more than a few of them", async () => {
  await putCopies("jsonb_build_object('text', repeat('x', 36000000))", 200);
  const client = await system.singularity.pool.connect();
  try {
    // A read that made text of all of them took 95 s.
    await client.query("set statement_timeout = '20s'");
    const queues = new QueueClient(client);
    let withheld: (string | null)[] = [];
    const bytes = await temporaryBytesOf(async () => {
      const messages = await queues.read(queue, { ...limits, quantity: 200 });
      withheld = messages.map((message) => message.withheld);
    });
    expect(withheld).toHaveLength(200);
    expect(withheld[0]).toBe("too-large");
    expect(new Set(withheld)).toEqual(new Set(["too-large", "memory-budget"]));
    expect(bytes).toBeLessThan(100_000_000);
  } finally {
    client.release(true);
  }
});

test("messages that are small as stored and just allowed as text come a few at a time, and all are fetched in the end", async () => {
  await putCopies("jsonb_build_object('text', repeat('x', 1000000))", 60);
  const queues = new QueueClient(system.singularity.pool);
  let fetched = 0;
  for (let read = 0; read < 60 && fetched < 60; read++) {
    let messages = await queues.read(queue, { ...limits, visibilityTimeoutS: 0, quantity: 60 });
    expect(messages.length).toBeGreaterThan(0);
    messages = messages.filter((message) => message.withheld === null);
    expect(messages.reduce((sum, message) => sum + message.bytes, 0)).toBeLessThan(4 * 1_048_576);
    expect(messages.length).toBeGreaterThan(0);
    fetched += messages.length;
    await queues.delete(queue, messages);
  }
  expect(fetched).toBe(60);
});

test("compressible messages beyond the limit are dead-lettered, and those behind them are merged", async () => {
  await putCopies("jsonb_build_object('text', repeat('x', 20000000))", 12);
  await new QueueClient(system.singularity.pool).sendBatch(queue, Array(20).fill(patternMessage()));
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 20, deadLettered: 12 });
  const reasons = (await deadLettersOf(system, queue)).map(({ reason }) => reason);
  expect(reasons).toEqual(Array(12).fill("too-large"));
});
