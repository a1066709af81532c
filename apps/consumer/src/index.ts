export {
  type ConsumerConfiguration,
  consumerVariables,
  databaseVariables,
  httpAddress,
  logLevel,
  readConsumerConfiguration,
  sessionPrivateKeys,
  throwAsConfigurationError,
} from "./configuration.ts";
export { connectionsPerReplica, connectionVariables } from "./connection-budget.ts";
export { type Consumer, createConsumer, type Health } from "./consumer.ts";
export {
  DrainIncompleteError,
  DrainInterruptedError,
  type DrainOptions,
  type DrainReport,
  DrainTimeoutError,
  drain,
  drainAnswerTimeoutS,
  type Pending,
} from "./drain.ts";
export {
  type ArchiveComparisonsOptions,
  archiveComparisons,
} from "./epochs/archive-comparisons.ts";
export {
  type ComparisonTimeouts,
  concludeComparison,
  planComparison,
} from "./epochs/plan-comparison.ts";
export { createHttpServer, PortTakenError } from "./http-server.ts";
export { keepHeapSmall } from "./keep-heap-small.ts";
export { createLogger, type LogFormat, type LoggerOptions, logFormat } from "./logger.ts";
export { createMetrics } from "./metrics/metrics.ts";
export { type ConsumerObservation, consumerEvents } from "./observation.ts";
export { routes } from "./routes.ts";
export { createConsumerService } from "./run.ts";
export { version } from "./version.ts";
