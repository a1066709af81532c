export { Breaker, type BreakerOptions, type DatabaseBreakers } from "./breakers.ts";
export type {
  AcceptedMessage,
  CheckResult,
  DeliveryRecord,
  FailedAttempt,
  LaneHandler,
  LaneStore,
  MergeResult,
} from "./handler.ts";
export { createLane, type Lane, type LaneOptions } from "./lane.ts";
export {
  type BatchOutcome,
  type LaneName,
  type LaneObservation,
  type ListenerObservation,
  laneEvents,
  type ReleaseReason,
} from "./observation.ts";
export { createSourceWatch, type SourceWatch, type SourceWatchOptions } from "./source-watch.ts";
export { maxBatchBytes } from "./tuning.ts";
export type { IdleWatch } from "./waiter.ts";
