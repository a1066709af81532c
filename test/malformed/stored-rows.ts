import type { QueueName } from "@centralcloud/contracts";
import type { TestDatabase } from "../support/databases.ts";
import { inUtc } from "./expected-content.ts";

type Row = Readonly<Record<string, string | null>>;

/** What of a message is looked for in the central store, as PostgreSQL writes it, by what it is found by. */
const lookups: Readonly<
  Record<QueueName, { readonly rows: string; keyOf(mark: number, expected: Row): string }>
> = {
  "centralcloud-new-patterns": {
    rows: `
      select p.pattern ->> 'mark' as key, a.agent_id, p.confidence_max::text as confidence,
             p.first_learned_at::text as learned_at
        from central.patterns p join central.pattern_agents a using (fingerprint)
       where p.pattern ? 'mark'`,
    keyOf: (mark) => String(mark),
  },
  "agent-sessions": {
    rows: `
      select session_id as key, session_id, agent_id, confidence::text, synced_at::text
        from central.agent_sessions`,
    keyOf: (mark, { session_id }) => session_id ?? `session-${mark}`,
  },
  "agent-knowledge-updates": {
    rows: `
      select k.agent_id as key, k.agent_id as agent, k.pattern_count::text, k.confidence::text,
             k.updated_at::text, s.agents_updated::text
        from central.agent_knowledge k join central.knowledge_summaries s using (updated_at)`,
    keyOf: (mark, { agent }) => agent ?? `agent-${mark}`,
  },
};

/** The rows of the central store that hold what single messages of a queue said. */
export async function storedRows(central: TestDatabase, queue: QueueName) {
  const { rows, keyOf } = lookups[queue];
  const found = await inUtc(central, (client) => client.query<Row>(rows));
  const byKey = new Map(found.rows.map((row) => [row.key, row]));
  return {
    rowOf(mark: number, expected: Row): Row | undefined {
      return byKey.get(keyOf(mark, expected));
    },
  };
}
