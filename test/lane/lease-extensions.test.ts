import { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { createTestLane, storeThatMerges } from "../support/lanes.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "extended";
const queues = () => new QueueClient(system.singularity.pool);
const accept = () => ({ accepted: true, document: "{}" }) as const;
let observations: Observation[];

beforeEach(async () => {
  observations = [];
  await queues().create(queue);
});
afterEach(() => system.singularity.pool.query("select pgmq.drop_queue($1)", [queue]));

const extensions = () => observations.filter((one) => one.event === "lease-extended");

test("what a batch archives while it extends its lease is not taken for lost", async () => {
  const { pool } = system.singularity;
  const [slow] = await queues().sendBatch(queue, ["{}", "{}"]);
  const blocker = await pool.connect();
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const store = storeThatMerges(() => {});
  const lane = createTestLane(pool, {
    queue,
    observe: (observation) => void observations.push(observation),
    visibilityTimeoutS: 2,
    maxMessageBytes: 100,
    handler: {
      check: accept,
      store: {
        ...store,
        async merge(messages, beforeSend) {
          if (messages.some(({ msgId }) => msgId === slow)) throw new Error("it is odd");
          if (messages.length > 0) {
            // The extension waits at the first message, until the second one is in the archive.
            await blocker.query("begin");
            await blocker.query(`select from pgmq.q_${queue} where msg_id = $1 for update`, [slow]);
            await until("the extension to wait", isBlocked);
          }
          return await store.merge(messages, beforeSend);
        },
        async recordFailures(failures) {
          await blocker.query("commit");
          await released;
          return await store.recordFailures(failures);
        },
      },
    },
  });
  const isBlocked = async () => {
    const { rows } = await pool.query<{ blocked: boolean }>(
      `select exists (select from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock') as blocked`,
    );
    return rows[0]?.blocked;
  };
  await lane.start();
  await until("the lease was extended past its first end", () => extensions().length >= 4);
  expect(extensions().map(({ lost }) => lost)).toEqual(extensions().map(() => 0));
  const { rows } = await pool.query(
    `select msg_id::text as id, read_ct as deliveries, vt > clock_timestamp() as invisible from pgmq.q_${queue}`,
  );
  expect(rows).toEqual([{ id: slow, deliveries: 1, invisible: true }]);
  release();
  await until("the failure is recorded", () =>
    observations.some(({ event }) => event === "delivery-failed"),
  );
  await lane.stop();
  blocker.release();
  expect(observations.some(({ event }) => event === "lease-lost")).toBe(false);
});

test("a batch whose lane crashes before it is processed gives up its lease", async () => {
  const { pool } = system.singularity;
  await queues().sendBatch(queue, Array(3).fill("{}"));
  // Poison suspects are read together with one that is none, which is to be released first; the source refuses that.
  await pool.query(
    `update pgmq.q_${queue} set read_ct = 4 where msg_id < 3;
     create function refuse() returns trigger language plpgsql as
       $$ begin raise exception 'no giving back'; end $$;
     create trigger refuse before update on pgmq.q_${queue}
       for each row when (new.read_ct < old.read_ct) execute function refuse()`,
  );
  const merged: string[] = [];
  const lane = createTestLane(pool, {
    queue,
    observe(observation) {
      observations.push(observation);
      if (observation.event === "lane-fault" && !saw("lane-crashed")) throw new Error("a mistake");
    },
    visibilityTimeoutS: 1,
    maxMessageBytes: 100,
    handler: { check: accept, store: storeThatMerges((ids) => void merged.push(...ids)) },
  });
  const saw = (event: Observation["event"]) => observations.some((one) => one.event === event);
  await lane.start();
  await until("the lane crashed", () => saw("lane-crashed"));
  await pool.query(`drop trigger refuse on pgmq.q_${queue}; drop function refuse()`);
  await until("all are settled", () => queues().isEmpty(queue));
  await lane.stop();
  expect(merged.toSorted()).toEqual(["1", "2", "3"]);
});
