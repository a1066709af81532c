export { canaryDefault } from "./actions/canary.ts";
export {
  type ActionFile,
  type ContinueOptions,
  continueAction,
  missingSources,
  outcomeOf,
  sendsMessages,
  takesFile,
} from "./actions/continue-action.ts";
export { addOutcomes, type DeathAgain, type Outcome } from "./actions/outcome.ts";
export { type RecordedWork, recordAction } from "./actions/record-action.ts";
export type { RunResult } from "./actions/run-action.ts";
export { createActionWorker, type WorkOptions } from "./actions/work-actions.ts";
export { type CountedDeadLetters, countDeadLetters, locateWaiting } from "./count-place.ts";
export {
  type Cursor,
  compareCursors,
  type DeadLetterKey,
  decodeCursor,
  encodeCursor,
} from "./cursor.ts";
export {
  type DeadLetterBody,
  type DeadLetterBodyRequest,
  type LocatedDeadLetter,
  locateDeadLetterBodies,
  maxBodyBytes,
  readDeadLetterBody,
  streamDeadLetterBody,
} from "./dead-letter-body.ts";
export * as deadLetterSql from "./dead-letter-sql.ts";
export type { SampleCheckResult } from "./describe-groups.ts";
export { discardDeadLetters } from "./discard-dead-letters.ts";
export {
  ActionFileNeededError,
  type ActionLoss,
  ActionLostError,
  ActionUnavailableError,
  DeadLetterNotFoundError,
  DriftError,
  EditRefusedError,
  ImportLineError,
  MissingRightsError,
  SelectionError,
} from "./errors.ts";
export { exportDeadLetters } from "./export-dead-letters.ts";
export {
  type DeadLetterFilter,
  parseDeadLetterId,
  parseFingerprint,
  selectsAll,
} from "./filter.ts";
export {
  type ArchivedDeadLetter,
  chooseDeadLetter,
  type DeadLetter,
  type DeadLetterQuestion,
  type FoundDeadLetter,
  findDeadLetter,
  findDeadLetters,
} from "./find-dead-letter.ts";
export {
  type DeadLetterGroup,
  type DeadLetterGroups,
  type GroupOptions,
  groupDeadLetters,
  mergeGroups,
} from "./group-dead-letters.ts";
export { type ImportOptions, type ImportReport, importDeadLetters } from "./import-dead-letters.ts";
export type { OpenLines } from "./import-lines.ts";
export { type CheckResult, type JudgeOptions, judgeMessage } from "./judge-message.ts";
export {
  type DeadLetterPage,
  type DeadLetterSummary,
  listDeadLetters,
  mergePages,
} from "./list-dead-letters.ts";
export type { SettledDeadLetter } from "./locate-dead-letters.ts";
export { linesOfDeadLetter, maskDeadLetter, maskSummary } from "./mask-dead-letters.ts";
export { type WorkerObservation, workerEvents } from "./observation.ts";
export {
  type DeadLetterScope,
  type DeadLetterSource,
  type Place,
  placeOf,
  placesOf,
} from "./place.ts";
export {
  type ActionPreview,
  type PreviewedDeadLetter,
  type PreviewedPart,
  type PreviewOptions,
  previewDeadLetters,
} from "./preview-dead-letters.ts";
export type { OnProgress, RateLimitOptions, RunProgress } from "./rate-limit.ts";
export {
  AlreadyRenewedError,
  NotACopyError,
  type RenewOptions,
  type RenewReport,
  renewSource,
  UndecidedCopiesError,
} from "./renew-source.ts";
export {
  type ArchiveRange,
  countArchived,
  type ReplayArchiveOptions,
  type ReplayArchiveReport,
  replayArchive,
} from "./replay-archive.ts";
export {
  checkEdit,
  type ReplayOptions,
  type ReplayReport,
  replayDeadLetters,
} from "./replay-dead-letters.ts";
export { findUnknownReasons, unknownReason } from "./resolve-filter.ts";
export {
  countRestorable,
  countRestorableOfQueues,
  type RestoreReport,
  type RestoreSelection,
  restoreDeadLetters,
} from "./restore-dead-letters.ts";
export { assertMayRecord } from "./rights.ts";
export type { DeadLetterActionOptions, DeadLetterActionReport } from "./run-dead-letter-action.ts";
export { parseTimeBound, type TimeBound } from "./time-bound.ts";
