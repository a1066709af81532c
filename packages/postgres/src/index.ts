export { adviceOn } from "./advice.ts";
export { AnswerTooLargeError, defaultAnswerBytes, ProtocolViolationError } from "./answer-limit.ts";
export {
  type Blocker,
  blockersOf,
  describeBlockers,
  findBlockers,
  type WaitWatch,
  whileWatched,
} from "./blockers.ts";
export { assertReachable, type ClientOptions, createClient, withClient } from "./client.ts";
export { cutAllConnections, EndingClient } from "./ending-client.ts";
export { codeOf, DatabaseUnreachableError, messageOf, sqlState, wouldHideRows } from "./errors.ts";
export {
  classifyFault,
  type Fault,
  type FaultKind,
  type FaultOwner,
  type FaultScope,
  faultKindsOf,
  faultRules,
} from "./fault.ts";
export { formatLsn, parseLsn } from "./lsn.ts";
export { plainTypes } from "./plain-types.ts";
export {
  createPool,
  cutConnections,
  cutIdleConnections,
  endPool,
  type PoolOptions,
} from "./pool.ts";
export { endStatementsWithProcess, SharedSessionError, UnfitDatabaseError } from "./session.ts";
export { inShortTransaction } from "./short-transaction.ts";
export { type Side, sides } from "./side.ts";
export {
  type OldestSnapshot,
  readOldestSnapshot,
  readTableStatistics,
  type TableStatistics,
} from "./statistics.ts";
export { readTlsSettings, type TlsOptions, TlsSettingsError } from "./tls.ts";
export { DatabaseUrlError, databaseUrl, databaseUrls, readAddress, withoutSecrets } from "./url.ts";
export { urlParameters } from "./url-parameters.ts";
