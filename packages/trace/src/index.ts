export type {
  FieldChange,
  JsonText,
  Trace,
  TraceEvent,
  Unknown,
  Where,
} from "./event.ts";
export { maskRow } from "./mask.ts";
export {
  momentAt,
  parseMessage,
  parseTraceTime,
  shifted,
  type TraceQuestion,
  type TraceSubject,
  type TraceTime,
  type TraceWindow,
} from "./question.ts";
export { type TraceOptions, trace } from "./trace.ts";
