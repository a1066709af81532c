export { copiedUntil, isArchivedHere, isNotSetAside } from "./archived-here.ts";
export { queueOfObject, queuesOf } from "./catalog/catalog-query.ts";
export type { Difference } from "./catalog/compare.ts";
export { describeDifference, describeRights } from "./catalog/describe.ts";
export { type CatalogState, readCatalogState } from "./catalog/digest.ts";
export { findDrift, isComplete, recordsMissing } from "./catalog/find-drift.ts";
export { type Catalog, readCatalog } from "./catalog/read-catalog.ts";
export { repairDrift } from "./catalog/repair-drift.ts";
export type { RightsDifference } from "./catalog/rights.ts";
export { holdLock, LockTakenError, takeLock } from "./locks.ts";
export { type LandedState, readLandedStates } from "./maintenance/landed-states.ts";
export {
  areOfThisBuild,
  DatabaseNewerError,
  type Records,
  readRecords,
} from "./migrate/applied.ts";
export { ExtensionMissingError } from "./migrate/extensions.ts";
export { readJournal } from "./migrate/journal.ts";
export { MigrationBlockedError, type MigrationResult, migrate } from "./migrate/migrate.ts";
export { type MigrationObservation, migrationEvents } from "./migrate/observation.ts";
export { belongingsOf, ownershipStatements } from "./migrate/ownership.ts";
export { ensurePgmq, PgmqTooOldError } from "./migrate/pgmq.ts";
export { type MigrationPlan, planMigration } from "./migrate/plan.ts";
export { ownerRole, rolesOf } from "./migrate/roles.ts";
export { type LandedName, landedNameOf, landedNames, sideNamed } from "./migrate/side.ts";
export { hasNothingToMigrate } from "./migrate/up-to-date.ts";
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
export { NotASourceError, readSource, type Source, UnfitSourceError } from "./source.ts";
