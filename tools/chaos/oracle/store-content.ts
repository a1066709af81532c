/** Rows of one table of the central store, by their key; each row's columns as comparable text. */
export type Rows = Map<string, Readonly<Record<string, string>>>;

/** The tables that the oracle compares. */
export const modelledTables = [
  "sources",
  "patterns",
  "pattern_agents",
  "agent_sessions",
  "knowledge_summaries",
  "agent_knowledge",
] as const;

export type ModelledTable = (typeof modelledTables)[number];
export type StoreContent = Readonly<Record<ModelledTable, Rows>>;

/** How keys are put together from their columns; no column of a key holds a tab. */
export function keyOf(...columns: readonly string[]): string {
  return columns.join("\t");
}

export function emptyContent(): Record<ModelledTable, Rows> {
  return {
    sources: new Map(),
    patterns: new Map(),
    pattern_agents: new Map(),
    agent_sessions: new Map(),
    knowledge_summaries: new Map(),
    agent_knowledge: new Map(),
  };
}
