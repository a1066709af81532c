export type {
  ClaimedMessage,
  DeadLetterError,
  MessageIdentity,
  QueueMetrics,
  ReadLimits,
  Refusal,
} from "./client/message.ts";
export { deadLetterQueueOf, PgmqClient, type Queryable } from "./client/pgmq-client.ts";
export { QueueNameError, queueTable } from "./client/queue-table.ts";
export { classifyFault, type Fault, type FaultOwner } from "./fault.ts";
export type { AcceptedMessage, LaneHandler, MergeResult, Verdict } from "./lane/handler.ts";
export { createLane, type Lane } from "./lane/lane.ts";
export type { LaneOptions } from "./lane/lane-options.ts";
