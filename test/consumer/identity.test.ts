import { QueueClient } from "@centralcloud/queue";
import { expect, test } from "vitest";
import { archivedIn, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";

async function countPatterns(): Promise<number> {
  const { rows } = await system.central.pool.query<{ count: number }>(
    "select count(*)::integer as count from central.patterns",
  );
  return rows[0]?.count ?? 0;
}

/** Sends a message that no other has been, and expects it to be merged, not taken for a duplicate. */
async function expectNewMessageToBeMerged(expectedId: string): Promise<void> {
  const before = await countPatterns();
  expect(await queuesOf(system).send(queue, patternMessage())).toBe(expectedId);
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 1, duplicates: 0, deadLettered: 0 });
  expect(await countPatterns()).toBe(before + 1);
}

test("a message of a recreated queue is not taken for the one that had its id before", async () => {
  await expectNewMessageToBeMerged("1");
  await system.singularity.pool.query("select pgmq.drop_queue($1)", [queue]);
  await queuesOf(system).create(queue);
  await expectNewMessageToBeMerged("1");
  expect(await archivedIn(system, queue)).toBe(1);
});

test("a message id that the archive already holds is merged, and archived beside the old one", async () => {
  const restart = `alter table pgmq."q_${queue}" alter column msg_id restart with 1`;
  const before = await archivedIn(system, queue);
  for (const round of [1, 2, 3]) {
    await system.singularity.pool.query(restart);
    await expectNewMessageToBeMerged("1");
    expect(await archivedIn(system, queue)).toBe(before + round);
  }
  const { rows } = await system.singularity.pool.query(
    `select msg_id::text, headers from pgmq."a_${queue}" where msg_id < 0 order by abs(msg_id)`,
  );
  expect(rows).toEqual([
    { msg_id: "-1", headers: { archived_msg_id: 1 } },
    { msg_id: "-2", headers: { archived_msg_id: 1 } },
    { msg_id: "-3", headers: { archived_msg_id: 1 } },
  ]);
});

test("a message that was merged but not archived counts once when it is delivered again", async () => {
  const body = patternMessage();
  await queuesOf(system).send(queue, body);
  const { rows } = await system.singularity.pool.query(
    `select s.source_id, q.msg_id::text, q.enqueued_at::text from singularity_source s, pgmq."q_${queue}" q`,
  );
  const { source_id, msg_id, enqueued_at } = rows[0];
  await system.central.pool.query("select central.merge_patterns($1, $2, $3, $4, $5)", [
    source_id,
    queue,
    [msg_id],
    [enqueued_at],
    `[${body}]`,
  ]);
  const before = await countPatterns();
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 0, duplicates: 1 });
  expect(await countPatterns()).toBe(before);
  expect(await queuesOf(system).isEmpty(queue)).toBe(true);
});

test("the settling of a message that was replaced under its id leaves the new one alone", async () => {
  const queues = queuesOf(system);
  await queues.send(queue, patternMessage());
  const limits = {
    visibilityTimeoutS: 30,
    quantity: 1,
    maxMessageBytes: 10_000,
    maxBatchBytes: 10_000,
  };
  const claimed = await queues.read(queue, limits);
  const claims = new QueueClient(system.singularity.pool);
  await system.singularity.pool.query(
    `truncate pgmq."q_${queue}" restart identity;
     alter table pgmq."q_${queue}" alter column msg_id restart with ${claimed[0]?.msgId}`,
  );
  expect(await queues.send(queue, patternMessage())).toBe(claimed[0]?.msgId);
  expect(await claims.archive(queue, claimed)).toBe(0);
  expect(await claims.extendLease(queue, claimed)).toEqual([]);
  const refusal = { reason: "invalid", error: { code: "test", message: "test" } };
  const deadLetters = claimed.map((message) => ({ message, refusal, attempts: [] }));
  expect(await claims.deadLetter(queue, deadLetters)).toEqual([]);
  expect(await queues.delete(queue, claimed)).toBe(0);
  expect((await queues.read(queue, limits)).length).toBe(1);
});
