import { expect, test } from "vitest";
import { Rhythm } from "../src/lane/rhythm.ts";

/** The waits of a lane that finds nothing, until it is time to sleep. */
function waitsUntilSleep(rhythm: Rhythm): number[] {
  const waits: number[] = [];
  for (let wait = rhythm.nextWaitMs(); wait !== undefined; wait = rhythm.nextWaitMs()) {
    waits.push(wait);
  }
  return waits;
}

test("a lane that finds nothing looks less and less often, and sleeps within half a second", () => {
  const waits = waitsUntilSleep(new Rhythm());
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeLessThan(500);
});

test("a lane that found something a moment ago looks often, and does not sleep", () => {
  const rhythm = new Rhythm();
  rhythm.found();
  for (let time = 0; time < 20; time++) expect(rhythm.nextWaitMs()).toBe(8);
});

test("a lane that nobody wakes waits two seconds at most", () => {
  const rhythm = new Rhythm();
  let wait = 0;
  for (let time = 0; time < 20; time++) wait = rhythm.longer();
  expect(wait).toBe(2_000);
});

test("a lane that can't read what is visible, since somebody has locked it, does not hurry", () => {
  const rhythm = new Rhythm();
  waitsUntilSleep(rhythm);
  const waits: number[] = [];
  for (let time = 0; time < 12; time++) {
    rhythm.saw();
    waits.push(...waitsUntilSleep(rhythm));
  }
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(100);
  expect(waits.at(-1)).toBe(2_000);
});
