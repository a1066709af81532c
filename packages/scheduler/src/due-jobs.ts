import type { JobTimes } from "./jobs/job-status.ts";
import { nextDue } from "./jobs/schedule.ts";

export interface DueJob {
  readonly job: string;
  /** How long ago it should have started. */
  readonly lateMs: number;
  /** pg_cron has this job, and did not start it. */
  readonly isMissedByPgCron: boolean;
}

export interface DueOptions {
  /** Schedules that replace the declared ones, by job. */
  readonly schedules: Readonly<Record<string, string>>;
  /** Jobs that pg_cron is known to have. */
  readonly ofPgCron: ReadonlySet<string>;
}

/** How late pg_cron may be with a job before it counts as missed. */
export const pgCronTimeoutMs = 5 * 60_000;

/**
 * The jobs that should run now: those with a due time since they last started. However many due times
 * have passed, it is one run, so what was missed while nobody was there is caught up once.
 *
 * What pg_cron has, or last ran, is left to it, unless it lets a due time pass by five minutes.
 */
export function dueJobs(
  jobs: readonly JobTimes[],
  now: Date,
  { schedules, ofPgCron }: DueOptions,
): readonly DueJob[] {
  return jobs.flatMap(({ job, schedule, declaredAt, lastStartedAt, lastStartedBy }) => {
    const dueAt = nextDue(schedules[job] ?? schedule, lastStartedAt ?? declaredAt);
    if (dueAt === undefined) return [];
    const lateMs = now.getTime() - dueAt.getTime();
    const isPgCrons = ofPgCron.has(job) || lastStartedBy === "pg_cron";
    if (lateMs < (isPgCrons ? pgCronTimeoutMs : 0)) return [];
    return [{ job, lateMs, isMissedByPgCron: isPgCrons }];
  });
}
