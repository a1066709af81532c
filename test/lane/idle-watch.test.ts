import { Breaker, createSourceWatch, type SourceWatch } from "@centralcloud/lane";
import { createClient } from "@centralcloud/postgres";
import { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const other = "agent-sessions";
const queues = () => new QueueClient(system.singularity.pool);
const watches: SourceWatch[] = [];
let observations: Observation[] = [];

beforeEach(() => {
  observations = [];
});
afterEach(async () => {
  for (const watch of watches.splice(0)) await watch.stop();
  for (const name of [queue, other]) await queues().purge(name);
});

async function startWatch(listens = true): Promise<SourceWatch> {
  const observe = (observation: Observation) => void observations.push(observation);
  const watch = createSourceWatch({
    identity: () => ({ source: "test" }),
    createClient: listens
      ? () => createClient(system.singularity.url, { applicationName: "centralcloud-listener" })
      : undefined,
    pool: system.singularity.pool,
    breaker: new Breaker({ onFailure() {}, onRecovery() {} }),
    observe,
  });
  watches.push(watch);
  await watch.start();
  if (listens) await until("it listens", () => watch.listening);
  return watch;
}

/** Lets a lane of the queue sleep, and tells how often it was woken. */
async function sleepAt(watch: SourceWatch, name = queue) {
  let woken = 0;
  watch.onMessage(name, () => {
    woken += 1;
  });
  expect(await watch.sleep(name)).toBe("asleep");
  return () => woken;
}

/** The queues that somebody holds the lock of idle consumers for. */
async function watchedQueues(): Promise<number> {
  const { rows } = await system.singularity.pool.query(
    `select from pg_locks l join pg_database d on d.oid = l.database
      where d.datname = current_database() and l.locktype = 'advisory' and l.mode = 'ExclusiveLock'`,
  );
  return rows.length;
}

test("a lane that sleeps is woken by the next message of its queue, and by no other", async () => {
  const watch = await startWatch();
  const woken = await sleepAt(watch);
  const othersWoken = await sleepAt(watch, other);
  await queues().send(queue, "{}");
  await until("it is woken", () => woken() > 0, 3_000);
  expect(othersWoken()).toBe(0);
});

test("there is no sleep where a message is visible already", async () => {
  const watch = await startWatch();
  await queues().send(queue, "{}");
  expect(await watch.sleep(queue)).toBe("message");
  await sleepAt(watch, other);
});

test("a lane is woken when a message becomes visible that was delayed", async () => {
  const watch = await startWatch();
  await queues().send(queue, "{}");
  await system.singularity.pool.query(
    `update pgmq."q_${queue}" set vt = clock_timestamp() + interval '1 second'`,
  );
  const woken = await sleepAt(watch);
  await until("it is woken", () => woken() > 0, 4_000);
});

test("a lane is woken by a message that nobody told of, where nothing can be notified", async () => {
  const watch = await startWatch(false);
  const woken = await sleepAt(watch);
  await queues().send(queue, "{}");
  await until("it is woken", () => woken() > 0, 10_000);
});

test("a message is found that was sent while the listening connection was lost", async () => {
  const watch = await startWatch();
  const woken = await sleepAt(watch);
  await system.singularity.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'centralcloud-listener'`,
  );
  await until("the loss is told", () =>
    observations.some(({ event }) => event === "listener-lost"),
  );
  await queues().send(queue, "{}");
  await until("it is woken", () => woken() > 0, 8_000);
  await until("it listens again", () => watch.listening);
  expect(observations.map(({ event }) => event)).toEqual(["listener-lost", "listener-restored"]);
});

test("who takes the watch over from another replica is told of messages from then on", async () => {
  const [first, second] = [await startWatch(), await startWatch()];
  await sleepAt(first);
  const woken = await sleepAt(second);
  expect(await watchedQueues()).toBe(1);
  first.unwatch(queue);
  // The lock is released by a statement that nobody waits for; the second one asks for it again within ten seconds.
  await until("nobody watches", async () => (await watchedQueues()) === 0);
  await until("the second one watches", async () => (await watchedQueues()) === 1);
  await queues().send(queue, "{}");
  await until("it is woken", () => woken() > 0, 3_000);
});

test("a watch that stops passes on to the others at once", async () => {
  const [first, second] = [await startWatch(), await startWatch()];
  await sleepAt(first);
  const woken = await sleepAt(second);
  await first.stop();
  await until("the second one is woken", () => woken() > 0, 3_000);
});

test("a flood of notifications ends the listening for a while, and messages are found nevertheless", async () => {
  const watch = await startWatch();
  const woken = await sleepAt(watch);
  // None of them is worth a thing: what is notified twice in one transaction is told once.
  await system.singularity.pool.query(
    "select count(pg_notify('centralcloud', n::text)) from generate_series(1, 20000) n",
  );
  await until("the loss is told", () =>
    observations.some(({ event }) => event === "listener-lost"),
  );
  expect(observations).toMatchObject([
    { event: "listener-lost", error: expect.stringMatching(/more than 1000 notifications/) },
  ]);
  expect(watch.listening).toBe(false);
  await queues().send(queue, "{}");
  await until("it is woken", () => woken() > 0, 10_000);
  expect(watch.listening).toBe(false);
});

test("whoever notifies without end wakes a lane ten times a second, and no message waits for it", async () => {
  const watch = await startWatch();
  const woken = await sleepAt(watch);
  const startedAt = performance.now();
  for (let number = 0; number < 300; number += 1) {
    await system.singularity.pool.query("select pg_notify('centralcloud', $1)", [`q_${queue}`]);
  }
  await until("the last one has been heard", () => woken() > 20);
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(woken()).toBeLessThanOrEqual(20 + 10 * seconds + 1);
  const before = woken();
  await system.singularity.pool.query("select pg_notify('centralcloud', $1)", [`q_${queue}`]);
  await until("the next one is heard", () => woken() > before, 2_000);
});

test("all sleeping queues of a source are looked at in one statement, on one connection", async () => {
  const watch = await startWatch();
  await sleepAt(watch);
  await sleepAt(watch, other);
  const { rows } = await system.singularity.pool.query<{ query: string }>(
    `select query from pg_stat_activity
      where datname = current_database() and application_name = 'centralcloud-listener'`,
  );
  expect(rows).toHaveLength(1);
  await until(
    "both are looked at together",
    async () => {
      const { rows: seen } = await system.singularity.pool.query<{ query: string }>(
        `select query from pg_stat_activity
          where datname = current_database() and application_name = 'centralcloud-listener'`,
      );
      const query = seen[0]?.query ?? "";
      return query.includes(`q_${queue}`) && query.includes(`q_${other}`);
    },
    15_000,
  );
});
