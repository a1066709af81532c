import { expect, test, vi } from "vitest";
import type { CheckResult, FoundSeal } from "../src/check-seal.ts";
import { longestGroupMs, SealQueue, type SealThreads } from "../src/seal-queue.ts";

const seal = (source: string, data = "good", alg = "openpgp-data-key"): FoundSeal => ({
  sealed: { alg, key_id: "k", data },
  identity: { source, agent: "a", session: "1", version: "2026-11-30T10:00:00Z" },
});

/** Threads that die of one seal and never come to an end of another; they note each group that they get. */
function startThreads(count = 1) {
  const groups: string[] = [];
  const threads: SealThreads = {
    count,
    async run(seals, signal) {
      groups.push(
        seals.map(({ identity, sealed }) => `${identity.source}:${sealed.data}`).join(" "),
      );
      if (seals.some(({ sealed }) => sealed.data === "endless")) {
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new Error("ended")));
        });
      }
      await Promise.resolve();
      if (seals.some(({ sealed }) => sealed.data === "deadly")) throw new Error("it died");
      return seals.map(({ sealed }): CheckResult => {
        return sealed.data === "good" ? undefined : { code: "seal_broken", message: "broken" };
      });
    },
  };
  return { groups, queue: new SealQueue(threads) };
}

const outcomesOf = async (checks: readonly Promise<CheckResult>[]) =>
  (await Promise.allSettled(checks)).map((outcome) =>
    outcome.status === "rejected" ? outcome.reason.message : (outcome.value?.code ?? "opens"),
  );

test("a seal that kills its thread fails alone; the other seals of its group and of other sources open", async () => {
  const { groups, queue } = startThreads();
  const checks = [
    queue.check(seal("good")),
    queue.check(seal("bad")),
    queue.check(seal("good", "broken")),
    queue.check(seal("bad", "deadly")),
    queue.check(seal("bad")),
    queue.check(seal("good")),
  ];
  expect(await outcomesOf(checks)).toEqual([
    ...["opens", "opens", "seal_broken"],
    ...["it died", "opens", "opens"],
  ]);
  expect(groups).toEqual([
    "good:good good:broken good:good",
    "bad:good bad:deadly bad:good",
    ...["bad:good", "bad:deadly", "bad:good"],
  ]);
});

test("a seal that takes without end is given up, and the other seals of its group open", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { queue } = startThreads();
    const checks = [
      queue.check(seal("bad")),
      queue.check(seal("bad", "endless")),
      queue.check(seal("good")),
    ];
    const outcomes = outcomesOf(checks);
    for (let group = 0; group < 4; group++) {
      await new Promise(setImmediate);
      await vi.advanceTimersByTimeAsync(longestGroupMs);
    }
    expect(await outcomes).toEqual(["opens", "its seal was not opened within 15 seconds", "opens"]);
  } finally {
    vi.useRealTimers();
  }
});

test("a source that sends many holds up its own: the others have their turn between", async () => {
  const { groups, queue } = startThreads();
  const many = Array.from({ length: 100 }, () => queue.check(seal("many")));
  const few = queue.check(seal("few"));
  await outcomesOf([...many, few]);
  expect(groups.map((group) => `${group.split(" ").length} ${group.split(":")[0]}`)).toEqual([
    "32 many",
    "1 few",
    ...["32 many", "32 many", "4 many"],
  ]);
});

test("seals for a key itself take long, and go one by one", async () => {
  const { groups, queue } = startThreads();
  const checks = ["openpgp-data-key", "openpgp", "x25519-sealedbox", "openpgp-data-key"].map(
    (alg) => queue.check(seal("a", "good", alg)),
  );
  await outcomesOf(checks);
  expect(groups).toHaveLength(4);
});

test("no thread gets a second group before it has answered the first", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { groups, queue } = startThreads(2);
    const checks = ["a", "b", "c"].map((source) => queue.check(seal(source, "endless")));
    const outcomes = outcomesOf(checks);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(groups).toEqual(["a:endless", "b:endless"]);
    queue.stop();
    await expect(checks[2]).rejects.toThrow("was stopped");
    await expect(queue.check(seal("d"))).rejects.toThrow("was stopped");
    // What a thread has begun is given up at its limit, also after the stop.
    await vi.advanceTimersByTimeAsync(longestGroupMs);
    const givenUp = "its seal was not opened within 15 seconds";
    expect(await outcomes).toEqual([givenUp, givenUp, expect.stringContaining("was stopped")]);
  } finally {
    vi.useRealTimers();
  }
});
