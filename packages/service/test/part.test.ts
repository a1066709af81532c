import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { definePart, groupParts, type Part, PartStoppedError } from "../src/index.ts";

/** A part that records what it is asked, and takes its time. */
function createProbe(name = "probe", startMs = 5) {
  const calls: string[] = [];
  const part = definePart({
    name,
    async start() {
      calls.push("start");
      await delay(startMs);
      calls.push("started");
    },
    async stop() {
      calls.push("stop");
      await delay(1);
      calls.push("stopped");
    },
  });
  return { part, calls };
}

describe("a part", () => {
  test("that is stopped without a start has nothing to stop, and can't be started", async () => {
    const { part, calls } = createProbe();
    await part.stop();
    await expect(part.start()).rejects.toThrow(PartStoppedError);
    expect(calls).toEqual([]);
  });

  test("that is stopped twice is stopped once, and both calls wait for it", async () => {
    const { part, calls } = createProbe();
    await part.start();
    await Promise.all([part.stop(), part.stop()]);
    await part.stop();
    expect(calls).toEqual(["start", "started", "stop", "stopped"]);
  });

  test("that is started twice is started once", async () => {
    const { part, calls } = createProbe();
    await Promise.all([part.start(), part.start()]);
    expect(calls).toEqual(["start", "started"]);
    await part.stop();
  });

  test("that is stopped while it starts is stopped after it has started, and its start fails", async () => {
    const { part, calls } = createProbe();
    const starting = part.start();
    await part.stop();
    await expect(starting).rejects.toThrow(PartStoppedError);
    expect(calls).toEqual(["start", "started", "stop", "stopped"]);
  });

  test("that listens to the signal of its start can give it up early", async () => {
    const part = definePart({
      name: "slow",
      start: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
      stop: () => Promise.resolve(),
    });
    const starting = part.start();
    starting.catch(() => {});
    await part.stop();
    await expect(starting).rejects.toThrow("slow was stopped");
  });

  test("that fails to start releases what it took, and says why", async () => {
    let released = 0;
    const part = definePart({
      name: "broken",
      start: () => Promise.reject(new Error("no socket")),
      stop: async () => {
        released += 1;
      },
    });
    await expect(part.start()).rejects.toThrow("no socket");
    await part.stop();
    expect(released).toBe(1);
  });
});

describe("a group", () => {
  test("starts in order and stops in reverse", async () => {
    const order: string[] = [];
    const record = (name: string): Part =>
      definePart({
        name,
        start: async () => void order.push(`start ${name}`),
        stop: async () => void order.push(`stop ${name}`),
      });
    const group = groupParts("group", [record("a"), record("b")]);
    await group.start();
    await group.stop();
    expect(order).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  test("stops what had started when a later part can't start", async () => {
    const first = createProbe("first");
    const third = createProbe("third");
    const second = definePart({
      name: "second",
      start: () => Promise.reject(new Error("no port")),
      stop: () => Promise.resolve(),
    });
    const group = groupParts("group", [first.part, second, third.part]);
    await expect(group.start()).rejects.toThrow("no port");
    expect(first.calls.at(-1)).toBe("stopped");
    expect(third.calls).toEqual([]);
  });

  test("stops every part, also when one fails to, and reports all failures together", async () => {
    const last = createProbe("last");
    const failing = definePart({
      name: "failing",
      start: () => Promise.resolve(),
      stop: () => Promise.reject(new Error("stuck")),
    });
    const group = groupParts("group", [last.part, failing]);
    await group.start();
    await expect(group.stop()).rejects.toThrow("group did not stop cleanly");
    expect(last.calls.at(-1)).toBe("stopped");
  });

  test("that is stopped while a part starts stops that part at once", async () => {
    const slow = definePart({
      name: "slow",
      start: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
      stop: () => Promise.resolve(),
    });
    const group = groupParts("group", [createProbe("before", 0).part, slow]);
    const starting = group.start();
    starting.catch(() => {});
    await delay(5);
    await group.stop();
    await expect(starting).rejects.toThrow(PartStoppedError);
  });
});
