import { knowledgeText } from "../arbitrary-messages.ts";
import {
  documents,
  greaterNumber,
  json,
  named,
  type QueueCase,
  sure,
  timeOf,
} from "./queue-case.ts";

const archived = documents("agent-knowledge-updates");

export const knowledgeCase: QueueCase = {
  text: knowledgeText,
  colliding: (n) => ({
    agents_updated: greaterNumber(),
    total_patterns: n,
    updated_at: `2025-10-25T10:00:0${n}Z`,
    agents: [9 - n, 10 + n].map((agent_id) => ({ agent_id, pattern_count: greaterNumber() })),
  }),
  lockedTables: ["agent_knowledge", "knowledge_summaries"],
  distinct: (n) => ({
    agents_updated: 1,
    total_patterns: n,
    updated_at: "2025-10-25T10:00:00Z",
    agents: [{ agent_id: n, pattern_count: 1 }],
  }),
  // By its time, which is its own, each message is found again.
  marked: (mark) => ({
    agents_updated: "1",
    total_patterns: String(mark),
    updated_at: json(timeOf(mark)),
    agents: `[{"agent_id":"agent-${mark}","pattern_count":${mark},"confidence":0.5}]`,
  }),
  required: { agents_updated: "number", total_patterns: "number", updated_at: "time" },
  optional: { agents: "list" },
  stored: `
    select k.agent_id as key, k.agent_id as agent, k.pattern_count::text, k.confidence::text,
           k.updated_at::text, s.agents_updated::text
      from central.agent_knowledge k join central.knowledge_summaries s using (updated_at)`,
  keyOf: (mark, { agent }) => agent ?? `agent-${mark}`,
  accounts: {
    summaries: {
      archived: `
        select distinct on (id) (doc ->> 'updated_at')::timestamptz::text as id,
               (doc ->> 'agents_updated')::numeric::bigint as agents,
               (doc ->> 'total_patterns')::numeric::bigint as patterns
          from (${archived}) d order by id, agents desc, patterns desc`,
      central: `
        select updated_at::text as id, agents_updated as agents, total_patterns as patterns
          from central.knowledge_summaries`,
    },
    agents: {
      archived: `
        with summary as materialized (
          select (doc ->> 'updated_at')::timestamptz as updated, nullif(doc -> 'agents', 'null') as agents
            from (${archived}) d
        )
        select distinct on (id) ${named("agent -> 'agent_id'")} as id, updated,
               (agent ->> 'pattern_count')::numeric::bigint as patterns,
               trim_scale(${sure("agent ->> 'confidence'")}) as confidence
          from summary, jsonb_array_elements(agents) as agent
         order by id, updated desc, patterns desc, confidence desc`,
      central: `
        select agent_id as id, updated_at as updated, pattern_count as patterns, confidence
          from central.agent_knowledge`,
    },
  },
};
