export type { CapturedRow, Checked, Contract, Refused } from "./contract.ts";
export { isContractPath } from "./contract-paths.ts";
export {
  type DeadLetter,
  type DeadLetterReason,
  deadLetterReasons,
  deadLetterSchema,
} from "./dead-letter.ts";
export { shownHeaders, shownOfDeadLetter } from "./disclosure.ts";
export { maskErrorText } from "./error-text.ts";
export { type MessageHeaders, messageHeadersSchema } from "./headers.ts";
export { type Issue, type IssueCode, issueCodes, maxIssues } from "./issues.ts";
export {
  type JsonLine,
  jsonLines,
  type LineOptions,
  maskJson,
  type Note,
  type Token,
  type TokenKind,
  textOf,
} from "./json-lines.ts";
export type { KnowledgeMessage } from "./queues/agent-knowledge-updates.ts";
export type { SessionMessage } from "./queues/agent-sessions.ts";
export type { PatternMessage } from "./queues/centralcloud-new-patterns.ts";
export {
  type CapturedQueue,
  type ContractOf,
  contractFor,
  deadLetterQueueOf,
  isQueueName,
  type MergedTable,
  type QueueName,
  queueNames,
} from "./queues.ts";
export type { Disclosure, ShownFields } from "./shown-fields.ts";
