export { createCapturedTables, defaultTables } from "./captured-tables.ts";
export type { Change, JsonText, Operation } from "./change.ts";
export {
  type CaptureConfiguration,
  captureVariables,
  readCaptureConfiguration,
} from "./configuration.ts";
export { CaptureStateError, SlotBusyError, SlotLostError } from "./errors.ts";
export { formatLsn, parseLsn } from "./lsn.ts";
export { createCapture } from "./reader/capture.ts";
