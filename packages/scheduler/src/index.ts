export { checkJobHealth, type JobProblem } from "./jobs/job-health.ts";
export {
  type JobRunFilter,
  type JobRunReport,
  type JobStatus,
  type JobTimes,
  listJobRuns,
  readJobTimes,
  scheduledJobsStatus,
} from "./jobs/job-status.ts";
export { type JobRun, runJob, UnknownJobError } from "./jobs/run-job.ts";
export { nextDue } from "./jobs/schedule.ts";
export { migrateAndSchedule, type ScheduledMigration } from "./migrate-and-schedule.ts";
export { type SchedulerObservation, schedulerEvents } from "./observation.ts";
export { PgCronUnusableError, withCronDatabaseOf } from "./pg-cron/cron-database.ts";
export { type CronWork, jobsOfPgCron, readCronWork } from "./pg-cron/jobs-of-pg-cron.ts";
export { registerSchedules, type ScheduleRegistration } from "./pg-cron/register-schedules.ts";
export { createScheduler, type SchedulerOptions } from "./scheduler.ts";
