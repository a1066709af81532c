export type { Checked, Contract, Refused } from "./contract.ts";
export { type ContractOf, contractFor } from "./contracts.ts";
export {
  type DeadLetter,
  type DeadLetterReason,
  deadLetterReasons,
  deadLetterSchema,
} from "./dead-letter.ts";
export { defaultConfidence } from "./fields.ts";
export { type MessageHeaders, messageHeadersSchema } from "./headers.ts";
export { type Issue, type IssueCode, issueCodes, maxIssues } from "./issues.ts";
export type { KnowledgeMessage } from "./knowledge.ts";
export type { PatternMessage } from "./pattern.ts";
export { deadLetterQueueOf, isQueueName, type QueueName, queueNames } from "./queues.ts";
export type { SessionMessage } from "./session.ts";
