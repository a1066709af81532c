import { QueueClient } from "@centralcloud/queue";
import type { Observation } from "@centralcloud/service";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { createTestLane, storeThatMerges } from "../support/lanes.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "leased";
let observations: Observation[];
let merged: string[];

beforeEach(async () => {
  observations = [];
  merged = [];
  await queues().create(queue);
});
afterEach(() => system.singularity.pool.query("select pgmq.drop_queue($1)", [queue]));

const queues = () => new QueueClient(system.singularity.pool);
const observe = (observation: Observation) => void observations.push(observation);
const saw = (event: Observation["event"]) => observations.some((seen) => seen.event === event);
const accept = () => ({ accepted: true, document: "{}" }) as const;

/** Nothing else happens in the process meanwhile, timers included: as if it were suspended. */
function suspendFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test("what was suspended for longer than the lease is not merged then, but read again", async () => {
  await queues().send(queue, "{}");
  let checks = 0;
  const lane = createTestLane(system.singularity.pool, {
    queue,
    observe,
    visibilityTimeoutS: 1,
    handler: {
      check() {
        checks += 1;
        if (checks === 1) suspendFor(1_200);
        return accept();
      },
      store: storeThatMerges((ids) => void merged.push(...ids)),
    },
  });
  await lane.start();
  await until("it is settled", () => queues().isEmpty(queue));
  await lane.stop();
  expect(saw("lease-lost")).toBe(true);
  expect({ checks, merged: merged.length }).toEqual({ checks: 2, merged: 1 });
});

test("a merge that takes longer than the lease keeps it, so nobody else reads the messages", async () => {
  const ids = await queues().sendBatch(queue, Array(10).fill("{}"));
  const store = storeThatMerges((done) => void merged.push(...done));
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const lane = createTestLane(system.singularity.pool, {
    queue,
    observe,
    visibilityTimeoutS: 1,
    batchSize: 10,
    maxMessageBytes: 100,
    handler: {
      check: accept,
      store: {
        ...store,
        async merge(messages, beforeSend) {
          if (messages.length > 0) await finished;
          return await store.merge(messages, beforeSend);
        },
      },
    },
  });
  await lane.start();
  const extensions = () => observations.filter(({ event }) => event === "lease-extended").length;
  await until("the lease was extended past its first end, twice", () => extensions() >= 5);
  const { rows } = await system.singularity.pool.query(
    `select max(read_ct) as deliveries, min(vt) > clock_timestamp() as invisible from pgmq.q_${queue}`,
  );
  expect(rows).toEqual([{ deliveries: 1, invisible: true }]);
  finish();
  await until("all are settled", () => queues().isEmpty(queue));
  await lane.stop();
  expect(merged).toEqual(ids);
});

test("messages that somebody else has read meanwhile are left to them", async () => {
  await queues().send(queue, "{}");
  let taken = false;
  const lane = createTestLane(system.singularity.pool, {
    queue,
    observe,
    visibilityTimeoutS: 1,
    handler: {
      async check() {
        if (taken) return accept();
        taken = true;
        // As another consumer would, after the lease had ended unnoticed.
        await system.singularity.pool.query(
          `update pgmq.q_${queue} set read_ct = read_ct + 1, vt = clock_timestamp() + interval '3 seconds'`,
        );
        await until("the extension was refused", () =>
          observations.some((seen) => seen.event === "lease-extended" && seen.lost === 1),
        );
        suspendFor(600);
        return accept();
      },
      store: storeThatMerges((ids) => void merged.push(...ids)),
    },
  });
  await lane.start();
  await until("the lease was lost", () => saw("lease-lost"));
  expect(merged).toEqual([]);
  expect((await queues().metrics(queue)).inFlight).toBe(1);
  await until("it is read again when the other one lets go, and settled", () =>
    queues().isEmpty(queue),
  );
  await lane.stop();
  expect(merged).toHaveLength(1);
});
