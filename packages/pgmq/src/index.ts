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
export {
  createQueueListener,
  type QueueListener,
  type QueueListenerOptions,
} from "./client/queue-listener.ts";
export { QueueNameError, queueTable } from "./client/queue-table.ts";
export {
  classifyFault,
  type Fault,
  type FaultKind,
  type FaultOwner,
  type FaultScope,
  faultRules,
} from "./fault.ts";
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
export { createLane, type Lane } from "./lane/lane.ts";
export type { LaneOptions } from "./lane/lane-options.ts";
