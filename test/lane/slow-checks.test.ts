import { setTimeout as delay } from "node:timers/promises";
import type { LaneHandler } from "@centralcloud/lane";
import { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { createTestLane, storeThatMerges } from "../support/lanes.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "checked_slowly";
let observations: Observation[];
let merged: string[];

beforeEach(async () => {
  observations = [];
  merged = [];
  await queues().create(queue);
});

afterEach(() => system.singularity.pool.query("select pgmq.drop_queue($1)", [queue]));

const queues = () => new QueueClient(system.singularity.pool);

function laneThatChecks(check: LaneHandler["check"], visibilityTimeoutS: number) {
  return createTestLane(system.singularity.pool, {
    queue,
    observe: (observation) => void observations.push(observation),
    handler: { check, store: storeThatMerges((ids) => void merged.push(...ids)) },
    visibilityTimeoutS,
  });
}

test("a batch that is checked for longer than its lease keeps it, and is merged once", async () => {
  const ids = await queues().sendBatch(queue, Array(100).fill("{}"));
  const lane = laneThatChecks(() => delay(400, { accepted: true, document: "{}" }), 1);
  await lane.start();
  await until("all are merged", () => queues().isEmpty(queue));
  await lane.stop();
  expect(merged.toSorted((a, b) => Number(a) - Number(b))).toEqual(ids);
  expect(observations).toContainEqual(
    expect.objectContaining({ event: "lease-extended", lost: 0 }),
  );
  expect(observations).not.toContainEqual(expect.objectContaining({ event: "lease-lost" }));
});

test("a stop ends the checks, merges what is checked, and gives the rest back", async () => {
  await queues().sendBatch(queue, Array(100).fill("{}"));
  let checks = 0;
  const lane = laneThatChecks(() => {
    checks += 1;
    return delay(50, { accepted: true, document: "{}" });
  }, 30);
  await lane.start();
  await until("some are checked", () => checks > 16);
  await lane.stop();
  expect(checks).toBeLessThan(100);
  const { total, inFlight } = await queues().metrics(queue);
  expect({ total, inFlight }).toEqual({ total: 100 - merged.length, inFlight: 0 });
  expect(merged.length).toBeGreaterThanOrEqual(16);
  expect(observations).toContainEqual(expect.objectContaining({ reason: "shutdown" }));
});

test("a check that could not be made decides nothing: the message comes again, the other messages of its batch continue", async () => {
  const [bad, ...good] = await queues().sendBatch(queue, ['{"bad":1}', "{}", "{}"]);
  let failures = 0;
  const lane = laneThatChecks((body) => {
    if (!body?.includes("bad") || failures > 0) return { accepted: true, document: "{}" };
    failures += 1;
    throw new Error("its thread died");
  }, 30);
  await lane.start();
  await until("all are merged", () => queues().isEmpty(queue));
  await lane.stop();
  expect(merged).toEqual([...good, bad]);
  expect(observations).toContainEqual(
    expect.objectContaining({ event: "delivery-failed", code: "check-failed", attempt: 1 }),
  );
});
