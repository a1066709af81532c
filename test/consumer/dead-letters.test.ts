import { afterEach, describe, expect, test } from "vitest";
import { deadLettersOf, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";

afterEach(async () => {
  await system.singularity.pool.query(`truncate pgmq."q_${queue}-dlq", pgmq."q_${queue}"`);
});

describe("a message that never can be merged is dead-lettered", () => {
  test("when it is SQL null", async () => {
    await system.singularity.pool.query("select pgmq.send($1, null::jsonb)", [queue]);
    const { report } = await drainAll(system);
    expect(report).toMatchObject({ processed: 0, deadLettered: 1 });
    expect(await deadLettersOf(system, queue)).toMatchObject([
      { reason: "invalid", original_message: null },
    ]);
  });

  test("when it is larger than allowed, whatever its size", async () => {
    const small = patternMessage();
    const large = patternMessage({ pattern: { text: "é".repeat(40_000) } });
    await queuesOf(system).sendBatch(queue, [small, large, patternMessage()]);
    const { report } = await drainAll(system, { maxMessageBytes: 50_000 });
    expect(report).toMatchObject({ processed: 2, deadLettered: 1 });
    expect(await deadLettersOf(system, queue)).toMatchObject([
      { reason: "too-large", original_message: JSON.parse(large), error: { code: "too-large" } },
    ]);
  });

  test("when it was delivered too often, before it is looked at again", async () => {
    await queuesOf(system).sendBatch(queue, [patternMessage(), patternMessage()]);
    await system.singularity.pool.query(
      `update pgmq."q_${queue}" set read_ct = 20 where msg_id = (select min(msg_id) from pgmq."q_${queue}")`,
    );
    const { report } = await drainAll(system, { maxDeliveries: 20 });
    expect(report).toMatchObject({ processed: 1, deadLettered: 1 });
    expect(await deadLettersOf(system, queue)).toMatchObject([
      { reason: "delivery-limit", read_count: 21 },
    ]);
  });

  test("when the database refuses it, alone among 500, and the other messages of its batch are merged", async () => {
    await system.central.pool.query(
      `alter table central.patterns add constraint no_poison check (not pattern ? 'poison')`,
    );
    const bodies = Array.from({ length: 500 }, () => patternMessage());
    bodies[123] = patternMessage({ pattern: { poison: 1 } });
    bodies[499] = patternMessage({ pattern: { poison: 2 } });
    await queuesOf(system).sendBatch(queue, bodies);
    const { report } = await drainAll(system);
    await system.central.pool.query("alter table central.patterns drop constraint no_poison");
    expect(report).toMatchObject({ processed: 498, duplicates: 0, deadLettered: 2, released: 0 });
    const deadLetters = await deadLettersOf(system, queue);
    expect(deadLetters.map(({ reason, error }) => [reason, error.code])).toEqual([
      ["rejected", "23514"],
      ["rejected", "23514"],
    ]);
  });
});

test("headers travel with the dead letter, and the message keeps every digit", async () => {
  const text = `{"agent_id":"","pattern":{"n":12345678901234567890.10},"learned_at":"now"}`;
  await queuesOf(system).send(queue, text, `{"message_id":"01GV5PA9EQG7D82Q3Y4PKBZSYV"}`);
  await drainAll(system);
  const { rows } = await system.singularity.pool.query(
    `select message #>> '{original_message,pattern,n}' as n, message -> 'original_headers' as headers
       from pgmq."q_${queue}-dlq"`,
  );
  expect(rows).toEqual([
    { n: "12345678901234567890.10", headers: { message_id: "01GV5PA9EQG7D82Q3Y4PKBZSYV" } },
  ]);
});

test("messages over the batch's memory go back at once and are merged later", async () => {
  const text = "x".repeat(900_000);
  const bodies = Array.from({ length: 30 }, () =>
    patternMessage({ pattern: { text, at: Math.random() } }),
  );
  // Small ones first, so that the lane expects small ones and reads too many.
  await queuesOf(system).sendBatch(
    queue,
    Array.from({ length: 600 }, () => patternMessage()),
  );
  await queuesOf(system).sendBatch(queue, bodies);
  const { report, observations } = await drainAll(system);
  expect(report).toMatchObject({ processed: 630, deadLettered: 0 });
  expect(observations).toContainEqual(
    expect.objectContaining({ event: "messages-released", reason: "memory-budget" }),
  );
});

test("no secret content of an invalid session is in its error", async () => {
  const body = `{"agent_id":"a","session_id":"s","session_state":["PLAINTEXT"],"synced_at":"PLAINTEXT"}`;
  await queuesOf(system).send("agent-sessions", body);
  const { observations } = await drainAll(system);
  const [deadLetter] = await deadLettersOf(system, "agent-sessions");
  expect(deadLetter?.reason).toBe("invalid");
  expect(JSON.stringify(deadLetter?.error)).not.toContain("PLAINTEXT");
  expect(JSON.stringify(observations)).not.toContain("PLAINTEXT");
});
