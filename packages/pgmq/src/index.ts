export { deadLetterQueueOf } from "./client/dead-letter.ts";
export type {
  ClaimedMessage,
  DeadLetterError,
  MessageIdentity,
  QueueMetrics,
  ReadLimits,
  Refusal,
} from "./client/message.ts";
export { PgmqClient } from "./client/pgmq-client.ts";
export type { Queryable } from "./client/queryable.ts";
export { QueueNameError } from "./client/queue-table.ts";
export { classifyFault, type Fault, type FaultOwner } from "./fault.ts";
export type { AcceptedMessage, LaneHandler, MergeResult, Verdict } from "./lane/handler.ts";
export { createLane, type Lane } from "./lane/lane.ts";
export type { LaneOptions } from "./lane/lane-options.ts";
