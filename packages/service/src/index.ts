export {
  ConfigurationError,
  databaseUrl,
  databaseUrls,
  type Environment,
  flag,
  parseConfiguration,
  wholeNumber,
} from "./configuration.ts";
export { eventLevels, fanOut, logSink } from "./log-sink.ts";
export type {
  BatchOutcome,
  CaptureObservation,
  ConsumerObservation,
  LaneName,
  LaneObservation,
  MigrationObservation,
  Observation,
  Observe,
  ReleaseCause,
  SchedulerObservation,
} from "./observation.ts";
export {
  defaultGraceMs,
  definePart,
  groupParts,
  type Part,
  type PartDefinition,
  PartStoppedError,
} from "./part.ts";
export { pause, settledWithin } from "./pause.ts";
export { explainTlsError, readTlsSettings, type TlsOptions, TlsSettingsError } from "./tls.ts";
export {
  describeCrash,
  endOnCrash,
  observationWithoutContents,
  withoutContents,
  wordsOf,
} from "./without-contents.ts";
