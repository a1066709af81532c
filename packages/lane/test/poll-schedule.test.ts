import { expect, test } from "vitest";
import { PollSchedule } from "../src/waiter.ts";

/** The waits of a lane that finds nothing, until it is time to sleep. */
function waitsUntilSleep(schedule: PollSchedule): number[] {
  const waits: number[] = [];
  for (let wait = schedule.nextWaitMs(); wait !== undefined; wait = schedule.nextWaitMs()) {
    waits.push(wait);
  }
  return waits;
}

test("a lane that finds nothing looks less and less often, and sleeps within half a second", () => {
  const waits = waitsUntilSleep(new PollSchedule());
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeLessThan(500);
});

test("a lane that found something a moment ago looks often, and does not sleep", () => {
  const schedule = new PollSchedule();
  schedule.found();
  for (let time = 0; time < 20; time++) expect(schedule.nextWaitMs()).toBe(8);
});

test("a lane that nobody wakes waits two seconds at most", () => {
  const schedule = new PollSchedule();
  let wait = 0;
  for (let time = 0; time < 20; time++) wait = schedule.longer();
  expect(wait).toBe(2_000);
});

test("a lane that can't read what is visible, since somebody has locked it, does not hurry", () => {
  const schedule = new PollSchedule();
  waitsUntilSleep(schedule);
  const waits: number[] = [];
  for (let time = 0; time < 12; time++) {
    schedule.saw();
    waits.push(...waitsUntilSleep(schedule));
  }
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(100);
  expect(waits.at(-1)).toBe(2_000);
});
