import fc from "fast-check";
import { expect, test } from "vitest";
import { isolate } from "../src/isolation.ts";

const refusal = (code: string) => Object.assign(new Error("refused"), { code });

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A merge that refuses any group which holds one of the given messages, and notes what it was asked. */
function refusing(bad: ReadonlySet<number>, code = "23514") {
  const groups: (readonly number[])[] = [];
  return {
    groups,
    async merge(group: readonly number[]) {
      groups.push(group);
      if (group.some((message) => bad.has(message))) throw refusal(code);
      return { merged: group.length, duplicates: 0 };
    },
  };
}

test("one refused message in 500 costs about log₂ of 500 merges, and the other messages of the batch are merged", async () => {
  for (const bad of [0, 1, 123, 250, 499]) {
    const { merge, groups } = refusing(new Set([bad]));
    const result = await isolate(numbers(500), merge);
    expect(result).toMatchObject({ merged: 499, duplicates: 0 });
    expect(result.rejected.map(({ message }) => message)).toEqual([bad]);
    expect(groups.length).toBeLessThanOrEqual(Math.ceil(Math.log2(500)) + 3);
  }
});

test("where every message is refused, it costs little more than a merge each", async () => {
  const { merge, groups } = refusing(new Set(numbers(500)));
  const result = await isolate(numbers(500), merge);
  expect(result.rejected).toHaveLength(500);
  expect(groups.length).toBeLessThan(550);
});

test("whichever messages are refused, exactly those are, and all others are merged once", async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: 64 }),
    fc.uniqueArray(fc.nat(63)),
    async (count, chosen) => {
      const bad = new Set(chosen.filter((message) => message < count));
      const { merge, groups } = refusing(bad);
      const result = await isolate(numbers(count), merge);
      expect(new Set(result.rejected.map(({ message }) => message))).toEqual(bad);
      const good = numbers(count).filter((message) => !bad.has(message));
      expect(result.inStore.toSorted((a, b) => a - b)).toEqual(good);
      expect(result.merged).toBe(good.length);
      // No more than each message alone, and the search for each rejected message.
      expect(groups.length).toBeLessThanOrEqual(count + 1 + bad.size * 8);
      for (const group of groups) expect(group.length).toBeGreaterThan(0);
    },
  );
  await fc.assert(property);
});

test("each rejected message has the error that it met alone", async () => {
  const merge = async (group: readonly number[]) => {
    if (group.includes(3)) throw refusal("23514");
    if (group.includes(5)) throw refusal("XX000");
    return { merged: group.length, duplicates: 0 };
  };
  const { rejected } = await isolate(numbers(8), merge);
  const found = rejected.map(({ message, fault }) => [message, fault.code, fault.owner]);
  expect(found.toSorted()).toEqual([
    [3, "23514", "message"],
    [5, "XX000", "unknown"],
  ]);
});

test("an error that is nobody's fault is not isolated: it ends the batch", async () => {
  const { merge, groups } = refusing(new Set([3]), "08006");
  await expect(isolate(numbers(8), merge)).rejects.toThrow("refused");
  expect(groups).toHaveLength(1);
});

test("a message that is merged after all is not rejected", async () => {
  let failures = 0;
  const merge = async (group: readonly number[]) => {
    if (failures++ < 2) throw refusal("XX000");
    return { merged: group.length, duplicates: 0 };
  };
  expect(await isolate(numbers(2), merge)).toMatchObject({ merged: 1, inStore: [1] });
});

test("a message that is refused only beside others is not rejected: alone it is merged", async () => {
  const merge = async (group: readonly number[]) => {
    if (group.length > 1) throw refusal("23514");
    return { merged: 1, duplicates: 0 };
  };
  const result = await isolate(numbers(4), merge);
  expect(result).toMatchObject({ merged: 4, rejected: [] });
  expect(result.inStore.toSorted()).toEqual(numbers(4));
});

test("duplicates of all groups are counted", async () => {
  const merge = async (group: readonly number[]) => {
    if (group.includes(3)) throw refusal("23514");
    return { merged: 0, duplicates: group.length };
  };
  expect(await isolate(numbers(8), merge)).toMatchObject({ merged: 0, duplicates: 7 });
});
