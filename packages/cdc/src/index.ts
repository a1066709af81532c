export { createCapturedTables, defaultTables } from "./captured-tables.ts";
export type { Change, JsonText, Operation } from "./change.ts";
export { type CaptureCursor, maintainChangeLog, readCaptureCursors } from "./change-log.ts";
export {
  type CaptureConfiguration,
  type CaptureSettings,
  captureVariables,
  readCaptureSettings,
} from "./configuration.ts";
export { CaptureStateError, SlotBusyError, SlotLostError } from "./errors.ts";
export { type CaptureObservation, captureEvents } from "./observation.ts";
export type { ChangeFilter } from "./operate/change-filter.ts";
export {
  type LogEntry,
  type LogFilter,
  type LogNames,
  readChangeLog,
  readLogNames,
} from "./operate/change-log.ts";
export { type Dropped, dropCapture } from "./operate/drop.ts";
export {
  getCdcChanges,
  type PeekOptions,
} from "./operate/peek.ts";
export { type Recreated, type RecreateOptions, recreateCapture } from "./operate/recreate.ts";
export {
  type CaptureState,
  type CaptureStatus,
  completeStatus,
  describeCapture,
  readCaptureStatus,
  readSlot,
  type SlotReading,
} from "./operate/status.ts";
export { type TailOptions, tail } from "./operate/tail.ts";
export type { TemporarySlotOptions } from "./operate/temporary-slot.ts";
export { type Capture, createCapture } from "./reader/capture.ts";
export type { CaptureHealth } from "./reader/source-capture.ts";
export type {
  Comparison,
  Missing,
  Unlogged,
  Unreadable,
  Whereabouts,
} from "./reconcile/compare.ts";
export { describeChecked } from "./reconcile/compared-queues.ts";
export { isGrave, LogBehindError, type Reconciliation, reconcile } from "./reconcile/reconcile.ts";
export {
  captureName,
  findLoss,
  findSlot,
  type LogOrigin,
  type Plugin,
  recreateCommand,
  type Slot,
} from "./slot/capture-slot.ts";
