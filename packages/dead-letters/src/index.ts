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
export { type CountedLetters, countLetters, locateWaiting } from "./count-place.ts";
export {
  type Cursor,
  compareCursors,
  decodeCursor,
  encodeCursor,
  type LetterKey,
} from "./cursor.ts";
export type { SampleVerdict } from "./describe-groups.ts";
export { discardLetters } from "./discard-letters.ts";
export {
  ActionFileNeededError,
  type ActionLoss,
  ActionLostError,
  ActionUnavailableError,
  DriftError,
  EditRefusedError,
  ImportLineError,
  LetterNotFoundError,
  MissingRightsError,
  SelectionError,
} from "./errors.ts";
export { exportLetters } from "./export-letters.ts";
export { type LetterFilter, parseFingerprint, parseLetterId, selectsAll } from "./filter.ts";
export {
  type ArchivedLetter,
  chooseLetter,
  type FoundLetter,
  findLetter,
  findLetters,
  type Letter,
  type LetterQuestion,
} from "./find-letter.ts";
export {
  type GroupOptions,
  groupLetters,
  type LetterGroup,
  type LetterGroups,
  maxGroupsOfPlace,
  mergeGroups,
} from "./group-letters.ts";
export { type ImportOptions, type ImportReport, importLetters } from "./import-letters.ts";
export type { OpenLines } from "./import-lines.ts";
export { type Judgement, type JudgeOptions, judgeMessage } from "./judge-message.ts";
export {
  type LetterBody,
  type LetterBodyRequest,
  type LocatedLetter,
  locateLetterBodies,
  maxBodyBytes,
  readLetterBody,
  streamLetterBody,
} from "./letter-body.ts";
export * as letterSql from "./letter-sql.ts";
export { type LetterPage, type LetterSummary, listLetters, mergePages } from "./list-letters.ts";
export type { SettledLetter } from "./locate-letters.ts";
export { linesOfLetter, maskLetter, maskSummary } from "./mask-letters.ts";
export { type WorkerObservation, workerEvents } from "./observation.ts";
export type { OnProgress, PaceOptions, RunProgress } from "./pace.ts";
export { type LetterScope, type LetterSource, type Place, placeOf, placesOf } from "./place.ts";
export {
  type ActionPreview,
  type PreviewedLetter,
  type PreviewedPart,
  type PreviewOptions,
  previewLetters,
} from "./preview-letters.ts";
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
  replayLetters,
} from "./replay-letters.ts";
export { findUnknownReasons, unknownReason } from "./resolve-filter.ts";
export {
  countRestorable,
  countRestorableOfQueues,
  type RestoreReport,
  type RestoreSelection,
  restoreLetters,
} from "./restore-letters.ts";
export { assertMayRecord } from "./rights.ts";
export type { LetterActionOptions, LetterActionReport } from "./run-letter-action.ts";
export { parseTimeBound, type TimeBound } from "./time-bound.ts";
