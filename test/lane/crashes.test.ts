import { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deadLettersOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { createTestLane, storeThatMerges } from "../support/lanes.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "crashing";
let observations: Observation[];
let merged: string[];

beforeEach(async () => {
  observations = [];
  merged = [];
  await queues().create(queue);
  await queues().create(`${queue}-dlq`);
});
afterEach(async () => {
  await system.singularity.pool.query("select pgmq.drop_queue($1)", [queue]);
  await system.singularity.pool.query("select pgmq.drop_queue($1)", [`${queue}-dlq`]);
});

const queues = () => new QueueClient(system.singularity.pool);
const observe = (observation: Observation) => void observations.push(observation);
const accept = () => ({ accepted: true, document: "{}" }) as const;

test("a lane that crashes continues after a while, and says how often it crashed", async () => {
  const ids = await queues().sendBatch(queue, ["{}", "{}"]);
  let reads = 0;
  const lane = createTestLane(system.singularity.pool, {
    queue,
    handler: { check: accept, store: storeThatMerges((done) => void merged.push(...done)) },
    observe(observation) {
      // A mistake of ours, in the middle of the loop.
      if (observation.event === "batch-read" && reads++ === 0) throw new TypeError("oops");
      observe(observation);
    },
    visibilityTimeoutS: 1,
  });
  await lane.start();
  await until("the queue is empty", () => queues().isEmpty(queue));
  await lane.stop();
  expect(merged).toEqual(ids);
  expect(lane.crashes).toBe(1);
  expect(observations).toContainEqual(
    expect.objectContaining({ event: "lane-crashed", error: "oops", crashes: 1 }),
  );
});

test("a message that kills its process is given up, and takes none of the other messages of its batch along", async () => {
  const bodies = Array.from({ length: 60 }, (_, index) => `{"n":${index}}`);
  const ids = await queues().sendBatch(queue, bodies);
  const poison = ids[7];
  let died = 0;

  /** One life of a consumer: it ends when the poison message is merged, with all that is in flight lost. */
  async function live(): Promise<void> {
    let die = () => {};
    const dead = new Promise<void>((resolve) => {
      die = resolve;
    });
    let isDead = false;
    const store = storeThatMerges((done) => void merged.push(...done));
    // A dead process says nothing to its databases any more.
    const pool = new Proxy(system.singularity.pool, {
      get(target, key) {
        if (key !== "query") return Reflect.get(target, key, target) as unknown;
        return (...words: Parameters<typeof target.query>) =>
          isDead ? new Promise(() => {}) : target.query(...words);
      },
    });
    const lane = createTestLane(pool, {
      queue,
      observe,
      batchSize: 16,
      maxMessageBytes: 1_000,
      maxDeliveries: 8,
      visibilityTimeoutS: 30,
      handler: {
        check: accept,
        store: {
          ...store,
          async merge(messages, beforeSend) {
            if (messages.some(({ msgId }) => msgId === poison)) {
              died += 1;
              isDead = true;
              die();
              return await new Promise(() => {});
            }
            return await store.merge(messages, beforeSend);
          },
        },
      },
    });
    await lane.start();
    await Promise.race([dead, until("the queue is empty", () => queues().isEmpty(queue))]);
    void lane.stop(0);
    // The visibility timeout ends.
    await system.singularity.pool.query(`update pgmq.q_${queue} set vt = clock_timestamp()`);
  }

  while (!(await queues().isEmpty(queue))) await live();
  expect(died).toBe(8);
  const deadLetters = await deadLettersOf(system, queue);
  expect(deadLetters).toMatchObject([
    { reason: "delivery-limit", original_message_id: Number(poison), read_count: 9 },
  ]);
  const others = ids.filter((id) => id !== poison);
  expect(new Set(merged)).toEqual(new Set(others));
});
