import {
  contractFor,
  type Disclosure,
  maskErrorText,
  maskJson,
  type ShownFields,
} from "@centralcloud/contracts";
import type { FieldChange, JsonText, TraceEvent } from "./event.ts";

/* What of an event is shown to somebody who may not read contents. */

const session = {
  id: "identifier",
  agent_id: "identifier",
  confidence: "number",
  created_at: "timestamp",
  last_synced_at: "timestamp",
  unsynced: "flag",
  sync_error: "error",
  sync_failed_at: "timestamp",
} as const satisfies ShownFields;

/** The columns of captured tables whose values are shown; of all other columns and tables only the names are. */
const shownColumns: Readonly<Record<string, ShownFields>> = {
  agent_sessions: session,
  agents: {
    agent_id: "identifier",
    status: "name",
    capacity: "number",
    pattern_count: "number",
    confidence: "number",
    knowledge_updated_at: "timestamp",
    knowledge_unsynced: "flag",
    created_at: "timestamp",
    knowledge_error: "error",
    knowledge_synced_at: "timestamp",
  },
  learned_patterns: {
    id: "number",
    analysis_id: "number",
    agent_id: "identifier",
    confidence: "number",
    learned_at: "timestamp",
    synced_at: "timestamp",
    sync_error: "error",
    learning_id: "identifier",
    sync_failed_at: "timestamp",
  },
  analysis_results: {
    id: "number",
    agent_id: "identifier",
    confidence: "number",
    learned: "flag",
    learned_at: "timestamp",
    learn_error: "error",
    created_at: "timestamp",
    learning_id: "identifier",
  },
  pending_tasks: {
    id: "number",
    agent_id: "identifier",
    priority: "number",
    status: "name",
    assigned_to: "identifier",
    assigned_at: "timestamp",
    created_at: "timestamp",
  },
  agent_tasks: {
    id: "number",
    agent_id: "identifier",
    duration_ms: "number",
    status: "name",
    created_at: "timestamp",
    completed_at: "timestamp",
  },
};

/**
 * A row of a captured table, or its key, without contents: only columns that hold none are shown.
 *
 * @param table as the change log calls it.
 */
export function maskRow(table: string, row: JsonText): JsonText {
  return maskJson(
    row,
    (Object.hasOwn(shownColumns, table) ? shownColumns[table] : undefined) ?? {},
  );
}

/** The same event without contents. */
export function masked(event: TraceEvent): TraceEvent {
  const { error, content, key, changes, queue, table } = event;
  const columns = (table === undefined ? undefined : shownColumns[table]) ?? {};
  return {
    ...event,
    ...(error?.message ? { error: { ...error, message: maskErrorText(error.message) } } : {}),
    ...(content === undefined ? {} : { content: maskJson(content, shownOf(queue)) }),
    ...(key === undefined ? {} : { key: maskJson(key, columns) }),
    ...(changes === undefined ? {} : { changes: changes.map((one) => maskChange(one, columns)) }),
  };
}

function shownOf(queue: TraceEvent["queue"]): ShownFields {
  return queue === undefined ? {} : contractFor(queue).shown;
}

function maskChange({ field, ...values }: FieldChange, columns: ShownFields): FieldChange {
  const shown = Object.hasOwn(columns, field) ? columns[field] : undefined;
  const mask = (value: JsonText | null) => (value === null ? null : maskValue(value, shown));
  return { field, old: mask(values.old), new: mask(values.new) };
}

/** Whether something stands there at all is no content. */
function maskValue(value: JsonText, shown: Disclosure | undefined): JsonText {
  return maskJson(value, shown ?? {});
}
