export type {
  FieldChange,
  JsonText,
  Silence,
  Trace,
  TraceEvent,
  Unknown,
  Where,
} from "./event.ts";
export { maskRow } from "./mask.ts";
export {
  isWithin,
  momentAt,
  parseMessage,
  parseTraceTime,
  shifted,
  type TraceQuestion,
  type TraceSubject,
  type TraceTime,
  type TraceWindow,
} from "./question.ts";
export { type Asked, type TraceOptions, trace } from "./trace.ts";
