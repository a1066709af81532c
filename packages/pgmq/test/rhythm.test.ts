import { expect, test } from "vitest";
import { PgmqClient } from "../src/client/pgmq-client.ts";
import type { IdleWatch } from "../src/lane/idle-watch.ts";
import { Rhythm } from "../src/lane/rhythm.ts";

type Answer = Awaited<ReturnType<IdleWatch["watch"]>>;

/** The waits of a lane that finds nothing, from the first time on that it asks to be told. */
async function waitsFor(...answers: readonly Answer[]): Promise<readonly number[]> {
  const emptyQueue = new PgmqClient({ query: async () => ({ rows: [{ ms: null }] }) } as never);
  const left = [...answers];
  const idleWatch: IdleWatch = {
    watch: async () => left.shift() ?? "unavailable",
    unwatch: () => {},
    onMessage: () => () => {},
  };
  const rhythm = new Rhythm("queue", emptyQueue, idleWatch);
  const waits: number[] = [];
  while (left.length > 0) {
    const before = left.length;
    const wait = await rhythm.nextWaitMs();
    if (left.length < before) waits.push(wait);
  }
  return waits;
}

test("a lane looks once more when the watch begins, and then waits", async () => {
  expect(await waitsFor("begun", "watching")).toEqual([0, expect.any(Number)]);
  expect((await waitsFor("watching", "watching"))[0]).toBe(0);
  expect((await waitsFor("watching", "watching"))[1]).toBeGreaterThan(0);
});

test("a lane looks once more when the watch passes to it from another replica", async () => {
  const waits = await waitsFor("watching", "watching", "begun", "watching");
  expect(waits.map((wait) => wait === 0)).toEqual([true, false, true, false]);
});

test("a lane that can't be told waits no longer than it polls", async () => {
  const waits = await waitsFor(...Array<Answer>(20).fill("unavailable"));
  expect(waits.at(-1)).toBe(2_000);
  expect(Math.min(...waits)).toBeGreaterThan(0);
});
