import { RepeatedFaults } from "@centralcloud/service";
import { beforeEach, describe, expect, test } from "vitest";
import { events, type Observation } from "../support/observations.ts";

const minute = 60_000;
let now = 0;
let faults: RepeatedFaults<Observation>;

beforeEach(() => {
  now = 1_000_000;
  faults = new RepeatedFaults(events, () => now);
});

const fault = (database = "one", code = "ECONNREFUSED"): Observation => ({
  event: "database-fault",
  database,
  kind: "connection-lost",
  code,
  error: `no way to it, tried at ${now}`,
  retryInMs: 1_000,
});
const recovery = (database = "one"): Observation => ({
  event: "database-recovered",
  database,
  downMs: 1,
});

/** When lines were written while a fault came every second, in minutes, and what they counted. */
function failFor(minutes: number, observation: () => Observation) {
  const startedAt = now;
  const lines: { at: number; repeated: number }[] = [];
  for (; now < startedAt + minutes * minute; now += 1_000) {
    const admission = faults.admit(observation());
    if (admission === undefined) continue;
    lines.push({ at: (now - startedAt) / minute, repeated: admission.repeated ?? 0 });
  }
  return lines;
}

describe("a fault that continues", () => {
  test("is told at once, then after about 1, 2, 4 … minutes, at last every hour, and each is counted", () => {
    const lines = failFor(600, fault);
    const gaps = lines.slice(1).map(({ at }, index) => at - (lines[index]?.at ?? 0));
    expect(lines[0]).toEqual({ at: 0, repeated: 0 });
    for (const [index, wanted] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
      expect(gaps[index]).toBeGreaterThan(wanted * 0.9);
      expect(gaps[index]).toBeLessThanOrEqual(wanted);
    }
    const told = lines.reduce((sum, { repeated }) => sum + repeated + 1, 0);
    const lastAt = lines.at(-1)?.at ?? 0;
    expect(told).toBe(lastAt * 60 + 1);
  });

  test("says that it works again, with what was not told before", () => {
    failFor(0.5, fault);
    expect(faults.admit(recovery())).toEqual({ repeated: 29 });
    expect(faults.admit(recovery())).toEqual({});
  });

  test("is told at once for each new reason, and not for the words of an error", () => {
    expect(failFor(0.2, () => fault())).toHaveLength(1);
    expect(failFor(0.2, () => fault("one", "57P03"))).toHaveLength(1);
    expect(failFor(0.2, () => fault("one", "28P01"))).toHaveLength(1);
  });

  test("does not grow loud by changing between two reasons, or by a new one each time", () => {
    let turn = 0;
    expect(failFor(10, () => fault("one", turn++ % 2 === 0 ? "57P03" : "28P01")).length).toBe(8);
    expect(failFor(10, () => fault("two", `code ${turn++}`)).length).toBeLessThan(16);
  });

  test("is one for each database: fifty that are away tell fifty times, not fifty times a second", () => {
    const databases = Array.from({ length: 50 }, (_, number) => `source ${number}`);
    const lines = databases.flatMap((database) => {
      now = 1_000_000;
      return failFor(5, () => fault(database));
    });
    expect(lines).toHaveLength(50 * 3);
  });

  test("of one source does not hide that of another which has the same name", () => {
    const named = (sourceId: string): Observation =>
      ({ ...fault("same"), sourceId }) as Observation;
    expect(faults.admit(named("a"))).toEqual({});
    expect(faults.admit(named("b"))).toEqual({});
    expect(faults.admit(named("b"))).toBeUndefined();
  });
});

describe("what fails and works in turn", () => {
  test("is told at growing intervals, and was told last as it is, within a minute", () => {
    const lines: string[] = [];
    for (let round = 0; round < 900; round++, now += 1_000) {
      const observation = round % 2 === 0 ? fault() : recovery();
      if (faults.admit(observation) !== undefined) lines.push(observation.event);
    }
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines.filter((_, index) => index % 2 === 1)).toEqual(
      lines.filter((_, index) => index % 2 === 1).map(() => "database-recovered"),
    );
    // It fails for good now: that is told although the next line of the series is far away.
    const [first] = failFor(5, fault);
    expect(first?.at).toBeLessThanOrEqual(1);
    expect(faults.admit(recovery())).toBeDefined();
  });

  test("is a first fault again after it has worked for five minutes", () => {
    failFor(30, fault);
    faults.admit(recovery());
    now += 5 * minute;
    expect(faults.admit(fault())).toEqual({});
    expect(faults.admit(fault())).toBeUndefined();
    now += minute;
    expect(faults.admit(fault())).toEqual({ repeated: 1 });
  });
});

test.each<[string, Observation, Observation]>([
  [
    "a lane",
    {
      event: "lane-fault",
      source: "s",
      queue: "q",
      side: "central",
      kind: "locked",
      code: "55P03",
      error: "",
      retryInMs: 1,
    },
    { event: "lane-recovered", source: "s", queue: "q", side: "central", downMs: 1 },
  ],
  [
    "a listener",
    { event: "listener-lost", source: "s", error: "" },
    { event: "listener-restored", source: "s", downMs: 1 },
  ],
  [
    "upkeep",
    { event: "upkeep-fault", task: "t", error: "" },
    { event: "upkeep-recovered", task: "t", failures: 1, downMs: 1 },
  ],
  [
    "a look",
    { event: "look-failed", database: "d", what: "source", error: "" },
    { event: "look-recovered", database: "d", what: "source" },
  ],
  [
    "an export",
    { event: "export-failed", what: "spans", error: "" },
    { event: "export-recovered", what: "spans" },
  ],
  [
    "a scheduler",
    { event: "scheduler-fault", source: "s", error: "", retryInMs: 1 },
    { event: "scheduler-leading", source: "s" },
  ],
  [
    "a job",
    { event: "job-failed", source: "s", job: "j", ms: 1, error: "" },
    { event: "job-finished", source: "s", job: "j", status: "succeeded", ms: 1 },
  ],
  [
    "a capture",
    { event: "capture-fault", source: "s", side: "source", code: "c", error: "", retryInMs: 1 },
    { event: "capture-reading", source: "s", slot: "x", plugin: "p", lsn: "0/0" },
  ],
  [
    "a worker",
    { event: "actions-fault", error: "", retryInMs: 1 },
    { event: "actions-recovered", downMs: 1 },
  ],
])("%s tells its first fault, not the next ones, and its recovery", (_, failed, recovered) => {
  expect(faults.admit(failed)).toEqual({});
  expect(faults.admit(failed)).toBeUndefined();
  expect(faults.admit(failed)).toBeUndefined();
  expect(faults.admit(recovered)).toEqual({ repeated: 2 });
});

test("a worker that continues an action has not recovered by that", () => {
  const failed: Observation = { event: "actions-fault", error: "", retryInMs: 1 };
  faults.admit(failed);
  expect(
    faults.admit({ event: "action-continued", action: "1", kind: "replay", moved: 0 }),
  ).toEqual({});
  expect(faults.admit(failed)).toBeUndefined();
});

test("a page that loads itself again and fails each time is not a line for each load", () => {
  const failed: Observation = { event: "console-fault", path: "/queues", error: "" };
  expect(failFor(5, () => failed).length).toBeLessThan(5);
  expect(faults.admit({ ...failed, path: "/jobs" })).toEqual({});
});

test("what is no fault is always told", () => {
  for (let time = 0; time < 3; time++) {
    expect(faults.admit({ event: "part-started", part: "consumer" })).toEqual({});
    expect(faults.admit({ event: "scheduler-leading", source: "s" })).toEqual({});
    expect(
      faults.admit({ event: "job-finished", source: "s", job: "j", status: "skipped", ms: 1 }),
    ).toEqual({});
  }
});

describe("a source that makes faults without end", () => {
  const jobFault = (job: string, error = "no", source = "hostile"): Observation => ({
    event: "job-fault",
    source,
    job,
    error,
  });

  test("by another name each time, is told a hundred times and then as one; others are told as before", () => {
    let lines = 0;
    for (let job = 0; job < 10_000; job += 1) {
      if (faults.admit(jobFault(`job-${job}`)) !== undefined) lines += 1;
    }
    expect(lines).toBe(101);
    expect(faults.admit(jobFault("job-1", "no", "honest"))).toEqual({});
    // What has worked again long since makes room.
    now += 120 * minute;
    faults.admit(jobFault("a", "no", "honest"));
    expect(faults.admit(jobFault("another"))).toEqual({});
    expect(faults.admit(jobFault("and another"))).toEqual({});
  });

  test("keeps no more of its words than tells them apart", () => {
    const long = (end: string) => jobFault("job", `${"x".repeat(1_000_000)}${end}`);
    expect(faults.admit(long("a"))).toEqual({});
    expect(faults.admit(long("b"))).toBeUndefined();
    expect(faults.admit(jobFault("job", `y${"x".repeat(1_000_000)}`))).toEqual({});
  });
});
