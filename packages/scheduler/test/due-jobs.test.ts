import { describe, expect, test } from "vitest";
import { dueJobs, pgCronTimeoutMs } from "../src/due-jobs.ts";
import type { JobTimes } from "../src/jobs/job-status.ts";

const at = (time: string) => new Date(`2025-10-26T${time}Z`);
const nothing = { schedules: {}, ofPgCron: new Set<string>() };

function times(changes: Partial<JobTimes> = {}): JobTimes {
  return {
    job: "hourly",
    schedule: "0 * * * *",
    declaredAt: at("00:30:00"),
    lastStartedAt: at("01:00:00.020"),
    lastStartedBy: "scheduler",
    lastSuccessAt: null,
    ...changes,
  };
}

describe("without pg_cron", () => {
  test("a job is due from its time on, until it has started", () => {
    expect(dueJobs([times()], at("01:59:59.999"), nothing)).toEqual([]);
    const due = { job: "hourly", lateMs: 0, isMissedByPgCron: false };
    expect(dueJobs([times()], at("02:00:00"), nothing)).toEqual([due]);
    expect(dueJobs([times()], at("02:00:09.5"), nothing)).toEqual([{ ...due, lateMs: 9_500 }]);
    const started = times({ lastStartedAt: at("02:00:09.500") });
    expect(dueJobs([started], at("02:59:59"), nothing)).toEqual([]);
  });

  test("however many times were missed, it is due once", () => {
    expect(dueJobs([times()], at("23:30:00"), nothing)).toEqual([
      { job: "hourly", lateMs: 21.5 * 3_600_000, isMissedByPgCron: false },
    ]);
  });

  test("a job that never started is due from its declaration on, not before", () => {
    const fresh = times({ lastStartedAt: null, lastStartedBy: null });
    expect(dueJobs([fresh], at("00:59:59"), nothing)).toEqual([]);
    expect(dueJobs([fresh], at("01:00:00"), nothing)).toHaveLength(1);
  });

  test("a start that the database's clock puts before its time makes the job due again, not lost", () => {
    const early = times({ lastStartedAt: at("01:59:59.990") });
    expect(dueJobs([early], at("02:00:00"), nothing)).toHaveLength(1);
  });

  test("a schedule that can't be read makes a job never due, and holds up no other", () => {
    const broken = times({ job: "broken", schedule: "whenever" });
    expect(dueJobs([broken, times()], at("03:00:00"), nothing)).toHaveLength(1);
  });

  test("a schedule can be replaced", () => {
    const schedules = { hourly: "*/5 * * * * *" };
    const due = dueJobs([times()], at("01:00:05"), { ...nothing, schedules });
    expect(due).toMatchObject([{ job: "hourly", lateMs: 0 }]);
  });
});

describe.each([
  ["that is registered with pg_cron", times(), new Set(["hourly"])],
  ["that pg_cron ran last", times({ lastStartedBy: "pg_cron" }), new Set<string>()],
])("a job %s", (_, job, ofPgCron) => {
  test("is left to pg_cron, unless that lets its time pass", () => {
    const options = { schedules: {}, ofPgCron };
    const later = (ms: number) => new Date(at("02:00:00").getTime() + ms);
    expect(dueJobs([job], later(pgCronTimeoutMs - 1), options)).toEqual([]);
    expect(dueJobs([job], later(pgCronTimeoutMs), options)).toEqual([
      { job: "hourly", lateMs: pgCronTimeoutMs, isMissedByPgCron: true },
    ]);
  });
});
