import type { Change, JsonText, Operation } from "../change.ts";

/** Which changes are asked for; what is not given does not matter. */
export interface ChangeFilter {
  /** As the change log calls them. */
  readonly tables?: readonly string[];
  readonly operations?: readonly Operation[];
  readonly agentId?: string;
  /** Of `agent_sessions`. */
  readonly sessionId?: string;
}

export function matches(change: Change, filter: ChangeFilter): boolean {
  const { tables, operations, agentId, sessionId } = filter;
  if (tables !== undefined && !tables.includes(change.table)) return false;
  if (operations !== undefined && !operations.includes(change.operation)) return false;
  if (agentId !== undefined && agentOf(change) !== agentId) return false;
  if (sessionId === undefined) return true;
  return change.table === "agent_sessions" && field(change.key, "id") === sessionId;
}

function agentOf({ newValues, oldValues, key }: Change): unknown {
  return field(newValues, "agent_id") ?? field(oldValues, "agent_id") ?? field(key, "agent_id");
}

function field(document: JsonText | null, name: string): unknown {
  return document === null ? undefined : (JSON.parse(document) as Record<string, unknown>)[name];
}
