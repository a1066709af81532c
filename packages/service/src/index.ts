export { addressSpaceLimit, assertAddressSpace, threadsThatFit } from "./address-space.ts";
export { hasColours } from "./colours.ts";
export {
  ConfigurationError,
  type Environment,
  flag,
  givenWholeNumber,
  parseConfiguration,
  wholeNumber,
} from "./configuration.ts";
export { parseDuration } from "./duration.ts";
export {
  boundLookups,
  endWithin,
  letReadersGo,
  onStopSignal,
  type Program,
  runUntilSignal,
  stopSignals,
  whatIsOpen,
  withInterrupt,
} from "./ending.ts";
export { mapInTurn, type Turns } from "./in-turn.ts";
export { logLine } from "./log-line.ts";
export { eventLevels, fanOut, logSink } from "./log-sink.ts";
export type {
  BatchOutcome,
  CaptureObservation,
  ConsoleObservation,
  ConsumerObservation,
  LaneName,
  LaneObservation,
  MigrationObservation,
  Observation,
  Observe,
  ReleaseReason,
  SchedulerObservation,
} from "./observation.ts";
export {
  defaultGraceMs,
  definePart,
  groupParts,
  overtimeMs,
  type Part,
  type PartDefinition,
  PartOverdueError,
  PartStoppedError,
} from "./part.ts";
export { isSettledWithin, pause, settledWithin, untilAborted } from "./pause.ts";
export { printable, printableLines, shellWord, shorten } from "./printable.ts";
export { Stragglers } from "./stragglers.ts";
export {
  describeCrash,
  endOnCrash,
  observationWithoutContents,
  withoutContents,
  wordsOf,
} from "./without-contents.ts";
