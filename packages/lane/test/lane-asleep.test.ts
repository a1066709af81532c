import type { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Breaker, createLane, type IdleWatch, type LaneHandler } from "../src/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A queue that stays empty: counts who reads it, and who asks the watch. */
function quietQueue() {
  const asked = { reads: 0, sleeps: 0 };
  let wake = () => {};
  const breaker = () => new Breaker({ onFailure: () => {}, onRecovery: () => {} });
  const idleWatch: IdleWatch = {
    async sleep() {
      asked.sleeps += 1;
      return "asleep";
    },
    unwatch: () => {},
    onMessage(_queue, wakeLane) {
      wake = wakeLane;
      return () => {};
    },
  };
  const queues = {
    async readWithSlot() {
      asked.reads += 1;
      return [];
    },
  } as unknown as QueueClient;
  const lane = createLane({
    name: { source: "quiet", queue: "q" },
    handler: { store: { merge: async () => [] } } as unknown as LaneHandler,
    queues,
    breakers: { source: breaker(), central: breaker() },
    observe: () => {},
    idleWatch,
  });
  return { lane, asked, wake: () => wake() };
}

test("a lane that sleeps for an hour reads nothing: whoever watches the queue is asked, once a minute", async () => {
  const { lane, asked } = quietQueue();
  await lane.start();
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked.reads).toBe(0);
  expect(asked.sleeps).toBeGreaterThanOrEqual(60);
  expect(asked.sleeps).toBeLessThanOrEqual(61);
  expect(lane.idle).toBe(true);
  await lane.stop(0);
});

test("a lane that is woken reads at once, and sleeps again when there is nothing", async () => {
  const { lane, asked, wake } = quietQueue();
  await lane.start();
  await vi.advanceTimersByTimeAsync(90_000);
  wake();
  await vi.advanceTimersByTimeAsync(1);
  expect(asked.reads).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  const { reads } = asked;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(asked.reads).toBe(reads);
  await lane.stop(0);
});
