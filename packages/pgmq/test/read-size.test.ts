import fc from "fast-check";
import { expect, test } from "vitest";
import { ReadSize } from "../src/lane/read-size.ts";

const budget = 4_000_000;
const largest = 1_000_000;

test("the first read claims no more than surely fits", () => {
  expect(new ReadSize(500, budget, largest).next()).toBe(4);
});

test("small messages soon come in whole batches", () => {
  const size = new ReadSize(500, budget, largest);
  size.learn(4, 4 * 420);
  expect(size.next()).toBe(500);
});

test("large messages come in small batches from the next read on, and are remembered for a while", () => {
  const size = new ReadSize(500, budget, largest);
  size.learn(500, 500 * 420);
  size.learn(500, 500 * largest);
  expect(size.next()).toBe(4);
  size.learn(1, 420);
  expect(size.next()).toBeLessThan(50);
});

test("it is always from 1 to the batch size, whatever it sees", () => {
  const reads = fc.array(fc.tuple(fc.nat(10_000), fc.nat(100_000_000)));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), reads, (batchSize, seen) => {
      const size = new ReadSize(batchSize, budget, largest);
      for (const [count, bytes] of seen) {
        size.learn(count, bytes);
        expect(size.next()).toBeGreaterThanOrEqual(1);
        expect(size.next()).toBeLessThanOrEqual(batchSize);
      }
    }),
  );
});
