export {
  type ActionDetails,
  type ActionEvent,
  type ActionFilter,
  type ActionPart,
  type ActionSummary,
  listActions,
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
export { queueOfObject, queuesOf } from "./catalog/catalog-query.ts";
export type { Difference } from "./catalog/compare.ts";
export { describeDifference, describeRights } from "./catalog/describe.ts";
export { type CatalogState, readCatalogState } from "./catalog/digest.ts";
export { findDrift, isComplete, recordsMissing } from "./catalog/find-drift.ts";
export { describeAll, mendDrift } from "./catalog/mend-drift.ts";
export { type Catalog, readCatalog } from "./catalog/read-catalog.ts";
export type { RightsDifference } from "./catalog/rights.ts";
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
export {
  type ArchiveCheck,
  type ArchiveCheckCounts,
  type ArchiveCheckResult,
  claimArchiveCheck,
  confirmEpoch,
  countArchiveChecks,
  doubtEpoch,
  type EpochConfirmation,
  type MissingMessages,
  type NamedArchiveCheck,
  readArchiveChecks,
  reportArchiveCheck,
} from "./epochs.ts";
export { holdLock, LockTakenError, takeLock } from "./locks.ts";
export { type LandedState, presentState, readLandedStates } from "./maintenance/landed-states.ts";
export {
  areOfThisBuild,
  DatabaseNewerError,
  type Records,
  readRecords,
} from "./migrate/applied.ts";
export { ExtensionMissingError } from "./migrate/extensions.ts";
export { readJournal } from "./migrate/journal.ts";
export { MigrationBlockedError, type MigrationResult, migrate } from "./migrate/migrate.ts";
export { belongingsOf, ownershipStatements } from "./migrate/ownership.ts";
export { ensurePgmq, PgmqTooOldError } from "./migrate/pgmq.ts";
export { type MigrationPlan, planMigration } from "./migrate/plan.ts";
export { type Plane, planes } from "./migrate/plane.ts";
export { ownerRole, rolesOf } from "./migrate/roles.ts";
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
