import { createConsumer } from "@centralcloud/consumer";
import { afterEach, describe, expect, test } from "vitest";
import { configurationFor, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
let consumer: ReturnType<typeof createConsumer>;
let observations: Observation[];

async function start(changes: Parameters<typeof configurationFor>[1] = {}): Promise<void> {
  observations = [];
  consumer = createConsumer(
    configurationFor(system, changes),
    (event) => void observations.push(event),
  );
  await consumer.start();
}

afterEach(() => consumer.stop());

/** Who holds the lock that makes senders notify. */
async function watchers(): Promise<string[]> {
  const { rows } = await system.singularity.pool.query<{ name: string }>(
    `select a.application_name as name
       from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.granted
        and a.datname = current_database()`,
  );
  return rows.map((row) => row.name);
}

const asleep = () =>
  until("all three lanes wait to be notified", async () => (await watchers()).length === 3);

/** Milliseconds from the sender's commit until the message is settled; the idle poll takes seconds. */
async function timeToMerge(): Promise<number> {
  await queuesOf(system).send(queue, patternMessage());
  const sentAt = performance.now();
  await until("it is settled", () => queuesOf(system).isEmpty(queue));
  return performance.now() - sentAt;
}

describe("with notifications", () => {
  test("the first message after idleness is merged long before the next poll", async () => {
    await start();
    await asleep();
    expect(await timeToMerge()).toBeLessThan(1_000);
  });

  test("senders do not notify while a consumer is busy", async () => {
    await start();
    await asleep();
    await timeToMerge();
    expect((await watchers()).length).toBe(2);
    await asleep();
  });

  test("a message whose sender began before the lane went idle is not missed", async () => {
    await start();
    const sender = await system.singularity.pool.connect();
    await sender.query("begin");
    await sender.query("select pgmq.send($1, $2::jsonb)", [queue, patternMessage()]);
    await until("two lanes wait to be notified", async () => (await watchers()).length === 2);
    await sender.query("commit");
    sender.release();
    const committedAt = performance.now();
    await until("it is settled", () => queuesOf(system).isEmpty(queue));
    expect(performance.now() - committedAt).toBeLessThan(1_500);
  });

  test("a lost connection is restored, and messages are found by polling meanwhile", async () => {
    await start();
    await asleep();
    await system.singularity.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'centralcloud-listener'`,
    );
    await queuesOf(system).send(queue, patternMessage());
    await until("it is settled", () => queuesOf(system).isEmpty(queue));
    const events = () => observations.map(({ event }) => event);
    await until("listening is restored", () => events().includes("listener-restored"));
    expect(events()).toContain("listener-lost");
    await asleep();
    expect(await timeToMerge()).toBeLessThan(1_000);
  });

  test("when the replica that watched stops, another one takes over at once", async () => {
    await start();
    await asleep();
    const first = consumer;
    await start();
    await until("the second one is ready", () => consumer.health().working);
    await first.stop();
    await asleep();
    expect(await timeToMerge()).toBeLessThan(1_000);
  });

  test("a delayed message is read when it becomes visible, not at the next poll", async () => {
    await start();
    await asleep();
    const { rows } = await system.singularity.pool.query(
      "select clock_timestamp() + interval '2 seconds' as due, pgmq.send($1, $2::jsonb, 2)",
      [queue, patternMessage()],
    );
    await until("it is settled", () => queuesOf(system).isEmpty(queue));
    const lateMs = Date.now() - (rows[0].due as Date).getTime();
    expect(lateMs).toBeGreaterThanOrEqual(-50);
    expect(lateMs).toBeLessThan(1_000);
  });
});
