export type { Checked, Contract, Refused } from "./contract.ts";
export { type ContractOf, contractFor } from "./contracts.ts";
export {
  type DeadLetter,
  type DeadLetterReason,
  deadLetterReasons,
  deadLetterSchema,
} from "./dead-letter.ts";
export {
  type Disclosure,
  isContractPath,
  type ShownFields,
  shownHeaders,
  shownOfDeadLetter,
} from "./disclosure.ts";
export { maskErrorText, maskedValue } from "./error-text.ts";
export { defaultConfidence } from "./fields.ts";
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
export type { KnowledgeMessage } from "./knowledge.ts";
export type { PatternMessage } from "./pattern.ts";
export { deadLetterQueueOf, isQueueName, type QueueName, queueNames } from "./queues.ts";
export type { SessionMessage } from "./session.ts";
