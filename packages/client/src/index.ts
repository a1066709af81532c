/*
 * What an application calls, typed: the procedures of its own Singularity database, its queues, and the changes of its
 * tables. Nothing of it needs the central store, or a right that is not granted to applications. The names are promised:
 * a new version may add to them.
 */

export {
  type Change,
  createCapturedTables,
  defaultTables,
  getCdcChanges,
  getPatternChanges,
  getSessionChanges,
  type PeekOptions,
} from "./changes.ts";
export {
  type Assignment,
  assignTasksNow,
  type KnowledgeUpdate,
  type Learned,
  learnPatternsNow,
  manuallyLearnAnalysis,
  refreshMetricsNow,
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
