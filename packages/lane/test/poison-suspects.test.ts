import type { ClaimedMessage, ClaimToken } from "@centralcloud/queue";
import fc from "fast-check";
import { expect, test } from "vitest";
import { separatePoisonSuspects } from "../src/isolation.ts";

const claimToken = {} as ClaimToken;

const delivered = (readCounts: readonly number[]): ClaimedMessage[] =>
  readCounts.map((readCount, index) => ({
    msgId: String(index),
    enqueuedAt: "2025-10-25T10:00:00Z",
    readCount,
    claimToken,
    bytes: 2,
    ageMs: 0,
    traceparent: null,
    body: "{}",
    withheld: null,
    fromArchive: false,
  }));

test("a batch of first and second deliveries stays together", () => {
  const messages = delivered([1, 2, 1, 2]);
  expect(separatePoisonSuspects(messages, 500, 20)).toEqual({
    mayBePoison: false,
    kept: messages,
    apart: [],
  });
});

test("the more often a batch was lost, the fewer of it stay together, and at last one", () => {
  const sizes = Array.from({ length: 18 }, (_, index) => {
    const messages = delivered(Array(500).fill(index + 3));
    return separatePoisonSuspects(messages, 500, 20).kept.length;
  });
  expect(sizes[0]).toBeLessThanOrEqual(250);
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  expect(sizes.at(-1)).toBe(1);
});

test("before the limit is reached one message stands alone, whatever the limit", () => {
  for (const limit of [2, 3, 4, 5, 8, 20]) {
    const { kept } = separatePoisonSuspects(delivered(Array(500).fill(limit)), 500, limit);
    expect(kept).toHaveLength(1);
  }
});

test("nothing is lost: each message is kept or released, and only poison suspects are kept", () => {
  const property = fc.property(fc.array(fc.integer({ min: 1, max: 25 })), (counts) => {
    const messages = delivered(counts);
    const { mayBePoison, kept, apart } = separatePoisonSuspects(messages, 100, 20);
    expect(new Set([...kept, ...apart])).toEqual(new Set(messages));
    expect(kept.length + apart.length).toBe(messages.length);
    if (mayBePoison) for (const { readCount } of kept) expect(readCount).toBeGreaterThan(2);
    if (messages.length > 0) expect(kept.length).toBeGreaterThan(0);
  });
  fc.assert(property);
});

test("messages over the limit are kept whatever their number, since they are never merged again", () => {
  const messages = delivered([...Array(300).fill(2_147_483_647), 1, 2]);
  expect(separatePoisonSuspects(messages, 500, 20)).toEqual({
    mayBePoison: false,
    kept: messages,
    apart: [],
  });
});

test("a message over the limit stays, beside those that may be poison: it is to be dead-lettered", () => {
  const messages = delivered([...Array(100).fill(10), 21, 25]);
  const { kept, apart } = separatePoisonSuspects(messages, 100, 20);
  expect(kept.length).toBeLessThan(50);
  expect(kept.map(({ readCount }) => readCount)).toEqual(expect.arrayContaining([21, 25]));
  expect(apart.every(({ readCount }) => readCount === 10)).toBe(true);
});
