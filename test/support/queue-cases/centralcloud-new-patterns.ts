import { patternText } from "../arbitrary-messages.ts";
import { documents, json, laterAt, named, type QueueCase, sure, timeOf } from "./queue-case.ts";

const archived = documents("centralcloud-new-patterns");

export const patternCase: QueueCase = {
  text: patternText,
  colliding: (n) => ({ agent_id: n, pattern: { n }, learned_at: laterAt(n) }),
  lockedTables: ["pattern_agents", "patterns"],
  distinct: (n) => ({ agent_id: n % 50, pattern: { n }, learned_at: "2025-10-25T10:00:00Z" }),
  marked: (mark) => ({
    agent_id: json(`agent-${mark % 11}`),
    pattern: `{"mark":${mark}}`,
    learned_at: json(timeOf(mark)),
    confidence: `0.${(mark % 89) + 10}`,
  }),
  required: { agent_id: "identifier", pattern: "object", learned_at: "time" },
  optional: { confidence: "fraction", source: "text" },
  stored: `
    select p.pattern ->> 'mark' as key, a.agent_id, p.confidence_max::text as confidence,
           p.first_learned_at::text as learned_at
      from central.patterns p join central.pattern_agents a using (fingerprint)
     where p.pattern ? 'mark'`,
  keyOf: (mark) => String(mark),
  accounts: {
    patterns: {
      archived: `
        select md5((doc -> 'pattern')::text) as id, count(*)::text, 1 as sources,
               count(distinct ${named("doc -> 'agent_id'")})::text as agents,
               trim_scale(sum(${sure("doc ->> 'confidence'")}))::text as total,
               trim_scale(max(${sure("doc ->> 'confidence'")}))::text as most,
               min((doc ->> 'learned_at')::timestamptz)::text as first,
               max((doc ->> 'learned_at')::timestamptz)::text as last
          from (${archived}) d group by 1`,
      central: `
        select md5(pattern::text) as id, observation_count::text as count, source_count as sources,
               agent_count::text as agents, trim_scale(confidence_sum)::text as total,
               trim_scale(confidence_max)::text as most, first_learned_at::text as first,
               last_learned_at::text as last
          from central.patterns`,
    },
    observations: {
      archived: `
        select md5((doc -> 'pattern')::text) as id, ${named("doc -> 'agent_id'")} as agent, count(*)::text
          from (${archived}) d group by 1, 2`,
      central: `
        select md5(p.pattern::text) as id, a.agent_id as agent, a.observation_count::text as count
          from central.pattern_agents a join central.patterns p using (fingerprint)`,
    },
  },
};
