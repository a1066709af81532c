import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawArrivals } from "../../tools/capacity/arrivals.ts";
import { type Course, describeLag, simulate } from "../../tools/capacity/simulate.ts";

const counts = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 60 });
const courses = fc.tuple(counts, fc.integer({ min: 0, max: 60 })).chain(([arrivals, most]) =>
  fc
    .array(fc.integer({ min: 0, max: most }), {
      minLength: arrivals.length,
      maxLength: arrivals.length,
    })
    .map((capacity): Course => ({ stepS: 2, arrivals, capacity })),
);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

test("no message is lost or made: what arrived was served, or waits", () => {
  fc.assert(
    fc.property(courses, (course) => {
      let arrived = 0;
      let served = 0;
      for (const [index, step] of simulate(course).entries()) {
        arrived += course.arrivals[index] ?? 0;
        served += step.served;
        expect(served + step.backlog).toBe(arrived);
        expect(step.served).toBeLessThanOrEqual(course.capacity[index] ?? 0);
        expect(step.backlog).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

test("the lag is that of a queue in which each message is followed by itself", () => {
  fc.assert(
    fc.property(courses, (course) => {
      const waiting: number[] = [];
      const lags = course.arrivals.map((arrived, now) => {
        waiting.push(...Array.from({ length: arrived }, () => now));
        waiting.splice(0, course.capacity[now] ?? 0);
        const [oldest] = waiting;
        return oldest === undefined ? 0 : (now - oldest + 1) * course.stepS;
      });
      expect(simulate(course).map(({ lagS }) => lagS)).toEqual(lags);
    }),
  );
});

test("more capacity never means more backlog or more lag, in any step", () => {
  fc.assert(
    fc.property(courses, fc.integer({ min: 0, max: 20 }), (course, more) => {
      const capacity = course.capacity.map((able) => able + more);
      const better = simulate({ ...course, capacity });
      for (const [index, step] of simulate(course).entries()) {
        expect(better[index]?.backlog).toBeLessThanOrEqual(step.backlog);
        expect(better[index]?.lagS).toBeLessThanOrEqual(step.lagS);
      }
    }),
  );
});

describe("after a burst, under a steady load", () => {
  const rate = 100;
  const afterBurst = (burst: number, able: number) => {
    const arrivals = [burst, ...Array.from({ length: 1_000 }, () => rate)];
    const course = { stepS: 1, arrivals, capacity: arrivals.map(() => able) };
    return describeLag(course, simulate(course), 0);
  };

  test("the lag returns to zero where the capacity is above the load, when the surplus has done it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 2_000 }),
        (surplus, extra) => {
          const { clearedS } = afterBurst(rate + extra, rate + surplus);
          const expected = Math.max(0, Math.ceil(extra / surplus) - 1);
          expect(clearedS).toBe(expected > 1_000 ? undefined : expected);
        },
      ),
    );
  });

  test("and never where it is not", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 1, max: 2_000 }),
        (missing, extra) => {
          const { clearedS, mostBacklog } = afterBurst(rate + extra, rate - missing);
          expect(clearedS).toBeUndefined();
          expect(mostBacklog).toBe(extra + missing + 1_000 * missing);
        },
      ),
    );
  });
});

test("what can't be a course is refused", () => {
  expect(() => simulate({ stepS: 1, arrivals: [1], capacity: [] })).toThrow(RangeError);
  expect(() => simulate({ stepS: 1, arrivals: [-1], capacity: [1] })).toThrow(RangeError);
});

describe("arrivals", () => {
  const load = {
    seed: 7,
    sources: 200,
    meanPerSecond: 2,
    burstFactor: 10,
    burstS: 60,
    quietS: 3_540,
  };

  test("follow from the seed", () => {
    expect(drawArrivals(load, 100, 1)).toEqual(drawArrivals(load, 100, 1));
    expect(drawArrivals(load, 100, 1)).not.toEqual(drawArrivals({ ...load, seed: 8 }, 100, 1));
  });

  test("have the mean that was asked for, bursts included, and vary more than without bursts", () => {
    const bursty = drawArrivals(load, 40_000, 1);
    const even = drawArrivals({ ...load, burstFactor: 1 }, 40_000, 1);
    const mean = (values: readonly number[]) => sum(values) / values.length;
    const variance = (values: readonly number[]) => {
      const middle = mean(values);
      return mean(values.map((value) => (value - middle) ** 2));
    };
    expect(Math.abs(mean(bursty) / 400 - 1)).toBeLessThan(0.05);
    expect(Math.abs(mean(even) / 400 - 1)).toBeLessThan(0.01);
    expect(variance(bursty)).toBeGreaterThan(2 * variance(even));
  });
});
