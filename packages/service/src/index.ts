export { addressSpaceLimit, assertAddressSpace, threadsThatFit } from "./address-space.ts";
export {
  type AnswerLimits,
  type Answers,
  NoAnswerError,
  type Silence,
  Stragglers,
  watchAnswer,
} from "./answers.ts";
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
  type Program,
  runUntilSignal,
  stopSignals,
  withInterrupt,
} from "./ending.ts";
export { mapInTurn, type Turns } from "./in-turn.ts";
export { logLine } from "./log-line.ts";
export { logSink } from "./log-sink.ts";
export {
  type EventKind,
  type Events,
  fanOut,
  type Level,
  type Observe,
  type ObservedEvent,
  type PartObservation,
  partEvents,
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
export { type Admission, RepeatedFaults } from "./repeated-faults.ts";
export {
  describeCrash,
  endOnCrash,
  observationWithoutContents,
  withoutContents,
  wordsOf,
} from "./without-contents.ts";
