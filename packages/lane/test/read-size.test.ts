import fc from "fast-check";
import { expect, test } from "vitest";
import { ReadSize } from "../src/reader.ts";

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

test("a read that was ended by a timeout is followed by one of half as many, down to one", () => {
  const size = new ReadSize(500, budget, largest);
  size.learn(500, 500 * 420);
  const asked: number[] = [];
  for (let read = 0; read < 12; read++) {
    asked.push(size.next());
    size.timedOut(size.next());
  }
  expect(asked).toEqual([500, 250, 125, 62, 31, 15, 7, 3, 1, 1, 1, 1]);
});

test("after timeouts, each read that is answered allows twice as many again", () => {
  const size = new ReadSize(500, budget, largest);
  size.learn(500, 500 * 420);
  size.timedOut(8);
  const asked: number[] = [];
  for (let read = 0; read < 9; read++) {
    asked.push(size.next());
    size.learn(size.next(), size.next() * 420);
  }
  expect(asked).toEqual([4, 8, 16, 32, 64, 128, 256, 500, 500]);
});

test("while reads find as many as they asked for, they double, up to the size for backlogs", () => {
  const size = new ReadSize(500, budget, 420, 2_000);
  const asked: number[] = [];
  for (let read = 0; read < 4; read++) {
    asked.push(size.next());
    size.learn(size.next(), size.next() * 420);
  }
  expect(asked).toEqual([500, 1_000, 2_000, 2_000]);
});

test("a read that finds fewer ends the backlog: the next asks for a usual batch", () => {
  const size = new ReadSize(500, budget, 420, 2_000);
  size.learn(size.next(), 500 * 420);
  size.learn(size.next(), 1_000 * 420);
  expect(size.next()).toBe(2_000);
  size.learn(1_999, 1_999 * 420);
  expect(size.next()).toBe(500);
});

test("in a backlog, too, batches fit into memory, and a timeout halves them", () => {
  const size = new ReadSize(500, budget, largest, 2_000);
  for (let read = 0; read < 4; read++) {
    const asked = size.next();
    size.learn(asked, asked * 8_000);
  }
  expect(size.next()).toBe(500);
  size.timedOut(size.next());
  expect(size.next()).toBe(250);
});

test("where one batch size is given, it is the largest", () => {
  const size = new ReadSize(500, budget, 420);
  size.learn(size.next(), 500 * 420);
  expect(size.next()).toBe(500);
});
