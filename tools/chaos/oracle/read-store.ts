import type { Queryable } from "../servers/chaos-database.ts";
import { emptyContent, keyOf, type ModelledTable, type StoreContent } from "./store-content.ts";

const microseconds = (column: string) =>
  `(extract(epoch from ${column}) * 1000000)::bigint::text as ${column}`;
const trimmed = (column: string) => `trim_scale(${column})::text as ${column}`;
const hexadecimal = (column: string) => `encode(${column}, 'hex') as ${column}`;
const orEmpty = (column: string) => `coalesce(${column}::text, '') as ${column}`;
const asText = (column: string) => `${column}::text as ${column}`;

/** For each table the columns of its key, then those that are compared. */
const tables: Readonly<
  Record<ModelledTable, { readonly key: readonly string[]; readonly columns: readonly string[] }>
> = {
  sources: { key: [asText("source_id")], columns: ["name"] },
  patterns: {
    key: [hexadecimal("fingerprint")],
    columns: [
      asText("pattern"),
      asText("observation_count"),
      asText("agent_count"),
      asText("source_count"),
      asText("source_ids"),
      trimmed("confidence_max"),
      trimmed("confidence_sum"),
      microseconds("first_learned_at"),
      microseconds("last_learned_at"),
    ],
  },
  pattern_agents: {
    key: [hexadecimal("fingerprint"), asText("source_id"), "agent_id"],
    columns: [asText("observation_count"), microseconds("last_learned_at")],
  },
  agent_sessions: {
    key: [asText("source_id"), "session_id"],
    columns: [
      "agent_id",
      trimmed("confidence"),
      orEmpty("session_state"),
      orEmpty("sealed"),
      orEmpty("ulid"),
      microseconds("synced_at"),
      hexadecimal("message_hash"),
    ],
  },
  knowledge_summaries: {
    key: [asText("source_id"), microseconds("updated_at")],
    columns: [asText("agents_updated"), asText("total_patterns")],
  },
  agent_knowledge: {
    key: [asText("source_id"), "agent_id"],
    columns: [asText("pattern_count"), trimmed("confidence"), microseconds("updated_at")],
  },
};

/** What the central store holds, its values as text without any spelling that does not matter. */
export async function readStore(central: Queryable): Promise<StoreContent> {
  const content = emptyContent();
  for (const [name, { key, columns }] of Object.entries(tables)) {
    const rows = await central.query<Record<string, string>>(
      `select ${[...key, ...columns].join(", ")} from central.${name}`,
    );
    for (const row of rows) {
      // In the order that was asked for, the key first.
      const entries = Object.entries(row);
      const keyColumns = entries.slice(0, key.length).map(([, value]) => value);
      content[name as ModelledTable].set(
        keyOf(...keyColumns),
        Object.fromEntries(entries.slice(key.length)),
      );
    }
  }
  return content;
}
