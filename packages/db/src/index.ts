export { DatabaseNewerError, type MigrationResult, migrate } from "./migrate/migrate.ts";
export { PgmqTooOldError } from "./migrate/pgmq.ts";
export { type Plane, planes } from "./migrate/plane.ts";
