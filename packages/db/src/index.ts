export {
  type MergeBatch,
  type MergeCounts,
  mergeKnowledge,
  mergePatterns,
  mergeSessions,
  registerSource,
} from "./central-store.ts";
export {
  assertReachable,
  createPool,
  DatabaseUnreachableError,
  type PoolOptions,
  withoutSecrets,
} from "./connect.ts";
export { type LandedState, presentState, readLandedStates } from "./maintenance/landed-states.ts";
export { DatabaseNewerError, type MigrationResult, migrate } from "./migrate/migrate.ts";
export { ensurePgmq, PgmqTooOldError } from "./migrate/pgmq.ts";
export { type Plane, planes } from "./migrate/plane.ts";
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
export * as centralSchema from "./schema/central.ts";
export * as singularitySchema from "./schema/singularity.ts";
export { NotASourceError, readSource, type Source } from "./source.ts";
