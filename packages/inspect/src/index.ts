export {
  type AskOptions,
  askDatabase,
  askSources,
  defaultTimeoutS,
  identify,
  type KnownSource,
  type OpenSource,
  onAsking,
  type SourceOptions,
  sourcesAtATime,
  type TakeTurn,
} from "./ask-sources.ts";
export { readCaptures } from "./captures.ts";
export {
  askCentral,
  readActions,
  readChanges,
  readDeliveryFailures,
  readOneAction,
  readReplicas,
  readSessionHeads,
  readSessionsOfId,
} from "./central.ts";
export { chooseSource, chooseSourceUrls, identifySources } from "./choose-sources.ts";
export {
  askDeadLetters,
  askFilteredDeadLetters,
  countDeadLetters,
  type DeadLetterOptions,
  readDeadLetters,
} from "./dead-letters.ts";
export {
  assertComplete,
  describeSilence,
  isOutOfReach,
  SourcesMissingError,
  type Unanswered,
  withMigration,
  withRemedy,
} from "./faults.ts";
export { type JobReport, type JobRunRow, readJobRuns, readJobs } from "./jobs.ts";
export { type ConsumerName, type KeyReport, readKeys } from "./keys.ts";
export {
  type AgentHead,
  type AgentKey,
  type KnowledgeOfDay,
  type KnowledgeOverTime,
  type PatternAgent,
  type PatternDetails,
  type PatternHead,
  type PatternsRequest,
  readAgents,
  readKnowledgeOverTime,
  readPattern,
  readPatterns,
  type SummaryOfDay,
} from "./knowledge.ts";
export type { Page, PageRequest } from "./page.ts";
export {
  type AgentPerformance,
  type PerformanceRequest,
  performanceOf,
  readAgentPerformance,
} from "./performance.ts";
export {
  type DepthsRequest,
  depthsOf,
  type QueueDepth,
  readQueueDepths,
} from "./queue-depths.ts";
export {
  type PeekedMessage,
  type PeekRequest,
  peekQueue,
  type QueueRate,
  type QueueReport,
  type RatesRequest,
  ratesOf,
  readQueueRates,
  readQueues,
  reportQueues,
} from "./queues.ts";
