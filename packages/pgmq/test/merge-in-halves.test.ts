import fc from "fast-check";
import { expect, test } from "vitest";
import type { AcceptedMessage } from "../src/index.ts";
import { mergeInHalves } from "../src/lane/merge-in-halves.ts";

const refusal = (code: string) => Object.assign(new Error("refused"), { code });

function messages(count: number): AcceptedMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    msgId: String(index),
    enqueuedAt: "2025-10-25T10:00:00Z",
    readCount: 1,
    bytes: 2,
    body: "{}",
    withheld: null,
    document: "{}",
  }));
}

/** A handler that refuses any batch which holds one of the given messages. */
function refusing(bad: ReadonlySet<string>, code = "23514") {
  const merges: string[][] = [];
  return {
    merges,
    check: () => ({ accepted: true as const, document: "{}" }),
    async merge(part: readonly { msgId: string }[]) {
      const ids = part.map((message) => message.msgId);
      merges.push(ids);
      if (ids.some((id) => bad.has(id))) throw refusal(code);
      return { merged: ids.length, duplicates: 0 };
    },
  };
}

test("one refused message in 500 costs about log₂ of 500 merges, and its neighbours are merged", async () => {
  const handler = refusing(new Set(["123"]));
  const result = await mergeInHalves(messages(500), handler, () => {});
  expect(result).toMatchObject({ merged: 499, duplicates: 0 });
  expect(result.refused.map(({ message }) => message.msgId)).toEqual(["123"]);
  expect(handler.merges.length).toBeLessThanOrEqual(1 + 2 * Math.ceil(Math.log2(500)));
});

test("whichever messages are refused, exactly those are, and all others are merged once", async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: 64 }),
    fc.uniqueArray(fc.nat(63)),
    async (count, bad) => {
      const ids = new Set(bad.filter((id) => id < count).map(String));
      const handler = refusing(ids);
      const result = await mergeInHalves(messages(count), handler, () => {});
      expect(new Set(result.refused.map(({ message }) => message.msgId))).toEqual(ids);
      expect(result.settled.length).toBe(count - ids.size);
      expect(new Set(result.settled.map((message) => message.msgId)).size).toBe(count - ids.size);
      expect(result.merged).toBe(count - ids.size);
    },
  );
  await fc.assert(property);
});

test("an error that is nobody's fault is not isolated: it ends the batch", async () => {
  const handler = refusing(new Set(["3"]), "08006");
  await expect(mergeInHalves(messages(8), handler, () => {})).rejects.toThrow("refused");
  expect(handler.merges).toHaveLength(1);
});

test("a message whose error tells nothing is left undecided, alone", async () => {
  const result = await mergeInHalves(messages(8), refusing(new Set(["3"]), "XX000"), () => {});
  expect(result.undecided.map(({ message }) => message.msgId)).toEqual(["3"]);
  expect(result.merged).toBe(7);
});

test("nothing is merged once there may be no merge any more", async () => {
  const handler = refusing(new Set());
  const late = () => {
    throw new Error("too late");
  };
  await expect(mergeInHalves(messages(3), handler, late)).rejects.toThrow("too late");
  expect(handler.merges).toEqual([]);
});
