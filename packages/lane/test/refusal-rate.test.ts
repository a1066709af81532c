import fc from "fast-check";
import { expect, test } from "vitest";
import { isolate, RefusalRate } from "../src/isolation.ts";

/** A merge that refuses groups with a negative number; how many messages it was asked to merge, in how many groups. */
function refusingNegatives() {
  const asked = { groups: 0, messages: 0 };
  return {
    asked,
    async merge(group: readonly number[]) {
      asked.groups += 1;
      asked.messages += group.length;
      if (group.some((message) => message < 0)) {
        throw Object.assign(new Error("refused"), { code: "23514" });
      }
      return { merged: group.length, duplicates: 0 };
    },
  };
}

/** Every `nth` is refused, beginning within the first few. */
const batchWith = (count: number, nth: number) =>
  Array.from({ length: count }, (_, index) => (index % nth === 3 % nth ? -1 - index : index));

test("a batch is tried whole while nothing was refused", () => {
  const rate = new RefusalRate();
  rate.learn(500, 0);
  expect(rate.groupSize(0, 0, 500)).toBe(500);
});

test("one in a hundred refused costs less than half of the work once it is known", async () => {
  const rate = new RefusalRate();
  const works: number[] = [];
  for (let batch = 0; batch < 6; batch += 1) {
    const { merge, asked } = refusingNegatives();
    await isolate(batchWith(500, 100), merge, rate);
    works.push(asked.messages);
  }
  const [first = 0, ...later] = works;
  for (const work of later) expect(work).toBeLessThan(first / 2);
});

test("a few batches without a refusal, and batches are tried whole again", async () => {
  const rate = new RefusalRate();
  const groups: number[] = [];
  await isolate(batchWith(500, 100), refusingNegatives().merge, rate);
  for (let batch = 0; batch < 6; batch += 1) {
    const { merge, asked } = refusingNegatives();
    await isolate(batchWith(500, 1_000_000).map(Math.abs), merge, rate);
    groups.push(asked.groups);
  }
  expect(groups.at(-1)).toBe(1);
});

test("a single message that was refused makes the next batch begin small, and grow at once", async () => {
  const rate = new RefusalRate();
  await isolate([-1], refusingNegatives().merge, rate);
  const { merge, asked } = refusingNegatives();
  await isolate(batchWith(500, 1_000_000).map(Math.abs), merge, rate);
  expect(asked.groups).toBeLessThan(30);
});

test("whatever came before, a group is of one message at least, and of no more than there are", () => {
  const count = fc.integer({ min: 1, max: 10_000 });
  const outcome = count.chain((decided) =>
    fc.record({ decided: fc.constant(decided), refused: fc.integer({ min: 0, max: decided }) }),
  );
  const property = fc.property(fc.array(outcome), outcome, count, (before, now, rest) => {
    const rate = new RefusalRate();
    for (const { decided, refused } of before) rate.learn(decided, refused);
    for (const size of [
      rate.groupSize(0, 0, rest),
      rate.groupSize(now.decided, now.refused, rest),
    ]) {
      expect(Number.isInteger(size)).toBe(true);
      expect(size).toBeGreaterThanOrEqual(1);
      expect(size).toBeLessThanOrEqual(rest);
    }
  });
  fc.assert(property);
});
