export type { MovedMessage } from "./dead-letter.ts";
export {
  cleanText,
  type DeadLetter,
  type DeadLetterError,
  type DeadLetterFields,
  type DeliveryAttempt,
  deadLetterFields,
  type Refusal,
} from "./dead-letter-format.ts";
export type { ClaimedMessage, ClaimToken, MessageIdentity } from "./message.ts";
export { QueueClient } from "./queue-client.ts";
export { nextVisibleInMs, type QueueDepth, type QueueMetrics } from "./queue-state.ts";
export { deadLetterQueueOf, type Queryable, QueueNameError, queueTable } from "./queue-table.ts";
export type { ReaderSlotRequest, ReadLimits, SlotRefusal } from "./read.ts";
