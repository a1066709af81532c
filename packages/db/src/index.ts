export {
  type ActionDetails,
  type ActionEvent,
  type ActionFilter,
  type ActionPart,
  type ActionSummary,
  listActions,
  listWaitingActions,
  readActingLogin,
  readAction,
} from "./actions/list-actions.ts";
export {
  type ActionState,
  type ActionVerb,
  actionStates,
  actionVerbs,
  type ControlVerb,
  nextState,
} from "./actions/state.ts";
export { copiedUntil, isArchivedHere, isNotSetAside } from "./archived-here.ts";
export { boundsOf } from "./canonical-json.ts";
export {
  captureName,
  findLoss,
  findSlot,
  type LogOrigin,
  type Plugin,
  plugins,
  recreateCommand,
  type Slot,
} from "./capture-slot.ts";
export { type CatalogState, readCatalogState } from "./catalog/digest.ts";
export { findDrift } from "./catalog/find-drift.ts";
export { describeAll, mendDrift } from "./catalog/mend-drift.ts";
export { type Catalog, readCatalog } from "./catalog/read-catalog.ts";
export {
  assertCentralStore,
  type MergeBatch,
  type MergeCounts,
  type MergeOptions,
  mergeKnowledge,
  mergePatterns,
  mergeSessions,
  NotACentralStoreError,
} from "./central-store.ts";
export {
  advanceCaptureCursor,
  beginCapture,
  type CaptureBeginning,
  type CaptureCursor,
  type CaptureProgress,
  endCapture,
  maintainChangeLog,
  markCaptureGap,
  readCaptureCursor,
  recordChanges,
  reportCaptureFault,
  reportCaptureLoss,
} from "./change-log.ts";
export {
  type ConfiguredSource,
  ConfiguredSources,
  type HoldingSource,
  twinsOf,
} from "./configured-sources.ts";
export {
  type DeliveredMessage,
  type DeliveryFailure,
  type FailureFilter,
  findMissingMessages,
  forgetFailures,
  listDeliveryFailures,
  lookUpDeliveries,
  type Origin,
  pruneLedger,
  type RecordedAttempt,
  type RecordedDelivery,
  recordFailures,
} from "./deliveries.ts";
export { judgeByFacts, readKnownSources } from "./doctor/checks/source-identities.ts";
export { checkNames } from "./doctor/checks.ts";
export { type Diagnosis, type DoctorOptions, diagnose } from "./doctor/doctor.ts";
export type { Finding, Severity } from "./doctor/finding.ts";
export { type DoctorLimits, defaultLimits } from "./doctor/limits.ts";
export { type Repair, repair } from "./doctor/repair.ts";
export {
  type ArchiveCheck,
  type ArchiveCheckResult,
  claimArchiveCheck,
  confirmEpoch,
  type EpochConfirmation,
  type MissingMessages,
  reportArchiveCheck,
} from "./epochs.ts";
export { checkJobHealth, type JobProblem } from "./jobs/job-health.ts";
export {
  type JobRunFilter,
  type JobRunReport,
  type JobStatus,
  type JobTimes,
  listJobRuns,
  mostJobs,
  readJobTimes,
  scheduledJobsStatus,
} from "./jobs/job-status.ts";
export { type JobRun, refreshMetricsNow, runJob, UnknownJobError } from "./jobs/run-job.ts";
export { nextDue } from "./jobs/schedule.ts";
export { holdLock, LockTakenError, takeLock } from "./locks.ts";
export { formatLsn, parseLsn } from "./lsn.ts";
export { type LandedState, presentState, readLandedStates } from "./maintenance/landed-states.ts";
export { DatabaseNewerError } from "./migrate/applied.ts";
export { ExtensionMissingError } from "./migrate/extensions.ts";
export {
  MigrationBlockedError,
  type MigrationResult,
  migrate,
} from "./migrate/migrate.ts";
export { ensurePgmq, PgmqTooOldError } from "./migrate/pgmq.ts";
export { type MigrationPlan, planMigration } from "./migrate/plan.ts";
export { type Plane, planes } from "./migrate/plane.ts";
export { hasNothingToMigrate } from "./migrate/up-to-date.ts";
export {
  type ActionClaim,
  type ActionName,
  type ActionOrders,
  type ActionPlan,
  type ActionRequest,
  actionLeaseS,
  type CanaryState,
  type ControlledAction,
  claimAction,
  controlAction,
  type PartFigures,
  type PlannedPart,
  planAction,
  raiseActionClaim,
  readActionClaim,
  releaseAction,
  reportAction,
} from "./operator-actions.ts";
export { jobsOfPgCron } from "./pg-cron/jobs-of-pg-cron.ts";
export { registerSchedules, type ScheduleRegistration } from "./pg-cron/register-schedules.ts";
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
export {
  countReplicas,
  type HeldKeys,
  type LiveReplica,
  lackingReplicas,
  listReplicas,
  type ReadinessReport,
  type Replica,
  type ReplicaCounts,
  type ReplicaReport,
  readLiveReplicas,
  reportReadiness,
  reportReplica,
  retireReplica,
} from "./replicas.ts";
export * as centralSchema from "./schema/central.ts";
export * as singularitySchema from "./schema/singularity.ts";
export {
  type ConnectionFacts,
  type IdentifiedSource,
  identifySource,
  isInstant,
  readConnectionFacts,
  readServerFacts,
  type ServerFacts,
  ServerFactsError,
} from "./server-facts.ts";
export {
  addSessionKey,
  bindSessionKeys,
  ensureSessionKey,
  hasPgsodium,
  type KnownSessionKey,
  type PublicSessionKey,
  readSessionKeys,
} from "./session-keys.ts";
export {
  type CentralSession,
  findSessions,
  listSessions,
  type SessionFilter,
  type SessionHead,
  type SessionKey,
} from "./sessions.ts";
export { inShortTransaction } from "./short-transaction.ts";
export {
  longestSourceName,
  NotASourceError,
  readSource,
  type Source,
  UnfitSourceError,
} from "./source.ts";
export {
  adoptSource,
  assertNotRefused,
  type ClaimOptions,
  claimCapturedSource,
  claimSource,
  confirmSources,
  judgeSource,
  type RegisteredSource,
  readOwnAddress,
  readRegisteredSources,
  type SourceClaim,
  type SourceJudgement,
  SourceRefusedError,
  type SourceState,
  StandbyError,
  sayConfiguredToo,
} from "./source-registry.ts";
export {
  type OldestSnapshot,
  readOldestSnapshot,
  readTableStatistics,
  type TableStatistics,
} from "./statistics.ts";
