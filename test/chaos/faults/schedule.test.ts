import { expect, test } from "vitest";
import { faultKinds } from "../../../tools/chaos/faults/inflict-faults.ts";
import { scheduleFaults } from "../../../tools/chaos/faults/schedule.ts";

const options = {
  fromMs: 1_000,
  untilMs: 120_000,
  everyMs: { least: 2_000, most: 5_000 },
  kinds: faultKinds,
};

function described(seed: number) {
  return scheduleFaults({ ...options, seed }).map((fault) => ({
    ...fault,
    random: fault.random().fraction(),
  }));
}

test("the same seed gives the same schedule, and another one another", () => {
  expect(described(1)).toEqual(described(1));
  expect(described(2)).not.toEqual(described(1));
});

test("one fault follows the other in two to five seconds, and each kind comes before any comes again", () => {
  const faults = scheduleFaults({ ...options, seed: 3, untilMs: 600_000 });
  for (const [index, { atMs }] of faults.entries()) {
    const sinceLastMs = atMs - (faults[index - 1]?.atMs ?? 1_000 - 2_000);
    expect(sinceLastMs).toBeGreaterThanOrEqual(2_000);
    expect(sinceLastMs).toBeLessThanOrEqual(5_000);
  }
  const firstKinds = faults.slice(0, faultKinds.length).map(({ kind }) => kind);
  expect(new Set(firstKinds)).toEqual(new Set(faultKinds));
});
