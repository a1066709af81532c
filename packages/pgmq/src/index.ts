export { ClaimClient } from "./client/claim-client.ts";
export { deadLetterQueueOf } from "./client/dead-letter.ts";
export type {
  ClaimedMessage,
  DeadLetter,
  DeadLetterError,
  DeliveryAttempt,
  MessageIdentity,
  QueueDepth,
  QueueMetrics,
  ReadLimits,
  Refusal,
} from "./client/message.ts";
export { PgmqClient } from "./client/pgmq-client.ts";
export type { Queryable } from "./client/queryable.ts";
export { QueueNameError, queueTable } from "./client/queue-table.ts";
export {
  createSourceWatch,
  type SourceWatch,
  type SourceWatchOptions,
} from "./client/source-watch.ts";
export { Breaker, type BreakerOptions } from "./lane/breaker.ts";
export type { DatabaseBreakers, Side } from "./lane/gate.ts";
export type {
  AcceptedMessage,
  DeliveryRecord,
  FailedAttempt,
  LaneHandler,
  LaneStore,
  MergeResult,
  Verdict,
} from "./lane/handler.ts";
export type { IdleWatch } from "./lane/idle-watch.ts";
export { createLane, type Lane, maxBatchBytes } from "./lane/lane.ts";
export type { LaneOptions } from "./lane/lane-options.ts";
