export {
  assertCentralStore,
  type MergeBatch,
  type MergeCounts,
  type MergeOptions,
  mergeKnowledge,
  mergePatterns,
  mergeSessions,
  NotACentralStoreError,
  registerSource,
} from "./central-store.ts";
export {
  advanceCaptureCursor,
  beginCapture,
  type CaptureBeginning,
  type CaptureCursor,
  type CaptureProgress,
  endCapture,
  maintainChangeLog,
  readCaptureCursor,
  recordChanges,
} from "./change-log.ts";
export {
  assertReachable,
  connectionTo,
  createClient,
  DatabaseUnreachableError,
  messageOf,
  withoutSecrets,
} from "./connect.ts";
export {
  type DeliveredMessage,
  forgetFailures,
  lookUpDeliveries,
  type Origin,
  pruneLedger,
  type RecordedAttempt,
  type RecordedDelivery,
  recordFailures,
} from "./deliveries.ts";
export { checkNames } from "./doctor/checks.ts";
export { type Diagnosis, type DoctorOptions, diagnose } from "./doctor/doctor.ts";
export type { Finding, Severity } from "./doctor/finding.ts";
export { type DoctorLimits, defaultLimits } from "./doctor/limits.ts";
export { type Repair, repair } from "./doctor/repair.ts";
export { checkJobHealth, type JobProblem } from "./jobs/job-health.ts";
export {
  type JobStatus,
  type JobTimes,
  readJobTimes,
  scheduledJobsStatus,
} from "./jobs/job-status.ts";
export { type JobRun, refreshMetricsNow, runJob, UnknownJobError } from "./jobs/run-job.ts";
export { nextDue } from "./jobs/schedule.ts";
export { type LandedState, presentState, readLandedStates } from "./maintenance/landed-states.ts";
export { ExtensionMissingError } from "./migrate/extensions.ts";
export {
  DatabaseNewerError,
  MigrationBlockedError,
  type MigrationResult,
  migrate,
} from "./migrate/migrate.ts";
export { ensurePgmq, PgmqTooOldError } from "./migrate/pgmq.ts";
export { type Plane, planes } from "./migrate/plane.ts";
export {
  type ActionRequest,
  beginOperatorAction,
  type OperatorAction,
} from "./operator-actions.ts";
export { jobsOfPgCron } from "./pg-cron/jobs-of-pg-cron.ts";
export { registerSchedules, type ScheduleRegistration } from "./pg-cron/register-schedules.ts";
export {
  createPool,
  cutConnections,
  cutIdleConnections,
  endPool,
  type PoolOptions,
} from "./pool.ts";
export {
  type Assignment,
  assignTasksNow,
  type KnowledgeUpdate,
  type Learned,
  learnPatternsNow,
  manuallyLearnAnalysis,
  type SyncBatch,
  syncLearningNow,
  updateKnowledgeNow,
} from "./procedures.ts";
export {
  type BacklogLimits,
  learningQueueBackedUp,
  type QueueStatus,
  queueStatus,
} from "./queue-status.ts";
export { countLiveReplicas, type Replica, reportReplica, retireReplica } from "./replicas.ts";
export * as centralSchema from "./schema/central.ts";
export * as singularitySchema from "./schema/singularity.ts";
export {
  addSessionKey,
  hasPgsodium,
  type KnownSessionKey,
  type PublicSessionKey,
  readSessionKeys,
} from "./session-keys.ts";
export { type CentralSession, findSessions } from "./sessions.ts";
export { inShortTransaction } from "./short-transaction.ts";
export { NotASourceError, readSource, type Source } from "./source.ts";
export {
  type OldestSnapshot,
  readOldestSnapshot,
  readTableStatistics,
  type TableStatistics,
} from "./statistics.ts";
