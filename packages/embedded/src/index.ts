export type { Settings } from "./configuration.ts";
export { createDatabase, dropDatabase } from "./databases.ts";
export {
  DataDirectoryInUseError,
  EmbeddedPostgresError,
  type EmbeddedPostgresErrorCode,
} from "./errors.ts";
export { removeDataDirectory } from "./remove-data-directory.ts";
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "./start-embedded-postgres.ts";
