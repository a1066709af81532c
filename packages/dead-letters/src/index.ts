export { discardLetters } from "./discard-letters.ts";
export {
  EditRefusedError,
  ImportLineError,
  LetterNotFoundError,
  MissingRightsError,
  SelectionError,
} from "./errors.ts";
export { exportLetters } from "./export-letters.ts";
export { type LetterFilter, parseLetterId, selectsAll } from "./filter.ts";
export { type ArchivedLetter, findLetter, type Letter } from "./find-letter.ts";
export { groupLetters, type LetterGroup, type LetterGroups } from "./group-letters.ts";
export { type ImportOptions, type ImportReport, importLetters } from "./import-letters.ts";
export { type Judgement, type JudgeOptions, judgeMessage } from "./judge-message.ts";
export { type LetterPage, type LetterSummary, listLetters } from "./list-letters.ts";
export type { SettledLetter } from "./locate-letters.ts";
export type { PaceOptions } from "./pace.ts";
export type { LetterScope, LetterSource } from "./place.ts";
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
export {
  type LetterActionOptions,
  type LetterActionPreview,
  type LetterActionReport,
  previewLetterAction,
} from "./run-letter-action.ts";
export { parseTimeBound, type TimeBound } from "./time-bound.ts";
