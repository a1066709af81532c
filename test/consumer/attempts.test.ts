import { createConsumer } from "@centralcloud/consumer";
import { afterEach, expect, test } from "vitest";
import {
  archivedIn,
  configurationFor,
  deadLettersOf,
  drainAll,
  queuesOf,
} from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";

/** Makes the central database fail with this SQLSTATE for patterns that have the key `poison`. */
async function refusePoisonWith(sqlstate: string): Promise<void> {
  await system.central.pool.query(`
    create or replace function central.refuse_poison() returns trigger language plpgsql as $$
    begin
      raise exception 'refused for a test' using errcode = '${sqlstate}';
    end $$;
    create or replace trigger refuse_poison before insert on central.patterns
      for each row when (new.pattern ? 'poison') execute function central.refuse_poison()`);
}

const poison = () => patternMessage({ pattern: { poison: 1 } });

async function failuresKept(): Promise<number> {
  const { rows } = await system.central.pool.query<{ count: number }>(
    "select count(*)::integer as count from central.delivery_failures",
  );
  return rows[0]?.count ?? -1;
}

afterEach(async () => {
  await system.central.pool.query("drop trigger if exists refuse_poison on central.patterns");
  await system.singularity.pool.query(`truncate pgmq."q_${queue}-dlq", pgmq."q_${queue}"`);
});

test("an error that tells nothing is tried again with growing waits, and given up with its history", async () => {
  await refusePoisonWith("ZZ001");
  const [id] = await queuesOf(system).sendBatch(queue, [
    poison(),
    patternMessage(),
    patternMessage(),
  ]);
  const { report, observations } = await drainAll(system, { maxAttempts: 3 });
  expect(report).toMatchObject({ processed: 2, duplicates: 0, deadLettered: 1, released: 0 });
  const failures = observations.filter(({ event }) => event === "delivery-failed");
  expect(failures).toMatchObject([
    { msgId: id, attempt: 1, code: "ZZ001" },
    { msgId: id, attempt: 2, code: "ZZ001" },
  ]);
  const attempt = {
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*\+00:00$/),
    consumer: expect.stringMatching(/^[0-9a-f-]{36}$/),
    error: { code: "ZZ001", message: "refused for a test" },
  };
  expect(await deadLettersOf(system, queue)).toMatchObject([
    {
      reason: "failed",
      original_message_id: Number(id),
      error: { code: "ZZ001", message: "refused for a test" },
      attempts: [attempt, attempt, attempt],
    },
  ]);
  expect(await failuresKept()).toBe(0);
});

test("a message that is merged after all leaves no failures behind", async () => {
  await refusePoisonWith("ZZ001");
  await queuesOf(system).send(queue, poison());
  const observations: Observation[] = [];
  const consumer = createConsumer(
    configurationFor(system),
    (event) => void observations.push(event),
  );
  await consumer.start();
  try {
    await until("it has failed", () =>
      observations.some(({ event }) => event === "delivery-failed"),
    );
    expect(await failuresKept()).toBe(1);
    await system.central.pool.query("drop trigger refuse_poison on central.patterns");
    await until("it is merged", () => queuesOf(system).isEmpty(queue));
    await until("its failure is forgotten", async () => (await failuresKept()) === 0);
  } finally {
    await consumer.stop();
  }
  expect(await deadLettersOf(system, queue)).toEqual([]);
});

test("a dead letter of a replayed message continues with the history that it brings along", async () => {
  await refusePoisonWith("23514");
  const earlier = [
    { at: "2025-10-25T10:00:00Z", consumer: "c1", error: { code: "x", message: "y" } },
  ];
  const headers = { replay_of: 7, replay_count: 1, attempts: earlier };
  await queuesOf(system).send(queue, poison(), JSON.stringify(headers));
  await drainAll(system);
  expect(await deadLettersOf(system, queue)).toMatchObject([
    {
      reason: "rejected",
      attempts: earlier,
      original_headers: { replay_of: 7, replay_count: 1 },
    },
  ]);
});

test("odd headers neither fail a read nor a dead letter", async () => {
  for (const headers of [
    "[]",
    '"text"',
    "7",
    "null",
    '{"attempts":"none"}',
    '{"replayed_from_archive":"x"}',
  ]) {
    await queuesOf(system).send(queue, "{}", headers);
  }
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ deadLettered: 6 });
  for (const deadLetter of await deadLettersOf(system, queue))
    expect(deadLetter.attempts).toEqual([]);
});

test("a message over the delivery limit that was merged before it was lost is archived, not dead-lettered", async () => {
  const before = await archivedIn(system, queue);
  const id = await queuesOf(system).send(queue, patternMessage());
  await drainAll(system);
  // As if the consumer had died after its merge each time.
  await system.singularity.pool.query(
    `with gone as (delete from pgmq."a_${queue}" where msg_id = $1 returning *)
     insert into pgmq."q_${queue}" (msg_id, read_ct, enqueued_at, vt, message, headers) overriding system value
     select msg_id, 20, enqueued_at, now(), message, headers from gone`,
    [id],
  );
  const { report } = await drainAll(system, { maxDeliveries: 20 });
  expect(report).toMatchObject({ processed: 0, duplicates: 1, deadLettered: 0 });
  expect(await archivedIn(system, queue)).toBe(before + 1);
});

test("where there is no dead-letter queue, messages that need none are merged nevertheless", async () => {
  const { rename, restore } = {
    rename: `alter table pgmq."q_${queue}-dlq" rename to away`,
    restore: `alter table pgmq.away rename to "q_${queue}-dlq"`,
  };
  await system.singularity.pool.query(rename);
  const observations: Observation[] = [];
  const consumer = createConsumer(
    configurationFor(system, { visibilityTimeoutS: 2 }),
    (event) => void observations.push(event),
  );
  await consumer.start();
  try {
    await queuesOf(system).send(queue, "{}");
    await until("the dead letter is refused", () =>
      observations.some(({ event }) => event === "dead-letter-refused"),
    );
    await queuesOf(system).sendBatch(queue, [patternMessage(), patternMessage()]);
    const merged = () =>
      observations.reduce(
        (sum, seen) => sum + (seen.event === "batch-merged" ? seen.merged : 0),
        0,
      );
    await until("the other messages are merged", () => merged() === 2);
    await until("only the bad one is left", async () => {
      return (await queuesOf(system).metrics(queue)).total === 1;
    });
  } finally {
    await consumer.stop();
    await system.singularity.pool.query(restore);
  }
});

test("a message that fails is not taken for poison: the other messages of its batch are not released", async () => {
  await refusePoisonWith("ZZ001");
  const bodies = Array.from({ length: 200 }, (_, index) =>
    index % 10 === 0 ? patternMessage({ pattern: { poison: index } }) : patternMessage(),
  );
  await queuesOf(system).sendBatch(queue, bodies);
  const { report } = await drainAll(system, { maxAttempts: 4 });
  expect(report).toMatchObject({ processed: 180, deadLettered: 20, released: 0 });
});

test("an error with text that jsonb refuses is told nevertheless", async () => {
  await system.central.pool.query(`
    create or replace function central.refuse_poison() returns trigger language plpgsql as $$
    begin
      raise exception using errcode = 'ZZ002', message = repeat(E'\\u20ac\\u0001', 5000);
    end $$;
    create or replace trigger refuse_poison before insert on central.patterns
      for each row when (new.pattern ? 'poison') execute function central.refuse_poison()`);
  await queuesOf(system).send(queue, poison());
  await drainAll(system, { maxAttempts: 1 });
  const [deadLetter] = await deadLettersOf(system, queue);
  expect(deadLetter).toMatchObject({ reason: "failed", error: { code: "ZZ002" } });
  expect(deadLetter?.error.message.length).toBeLessThan(2_100);
});
