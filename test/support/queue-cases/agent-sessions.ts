import { sessionText } from "../arbitrary-messages.ts";
import { documents, json, laterAt, named, type QueueCase, sure, timeOf } from "./queue-case.ts";

export const sessionCase: QueueCase = {
  text: sessionText,
  colliding: (n) => ({ agent_id: n, session_id: n, session_state: {}, synced_at: laterAt(n) }),
  lockedTables: ["agent_sessions"],
  distinct: (n) => ({
    agent_id: "a",
    session_id: n,
    session_state: {},
    synced_at: "2025-10-25T10:00:00Z",
  }),
  marked: (mark) => ({
    agent_id: json(`agent-${mark % 11}`),
    session_id: json(`session-${mark}`),
    session_state: `{"mark":${mark}}`,
    synced_at: json(timeOf(mark)),
  }),
  required: { agent_id: "identifier", session_id: "identifier", synced_at: "time" },
  optional: { confidence: "fraction", ulid: "text", sealed: "seal" },
  stored: `
    select session_id as key, session_id, agent_id, confidence::text, synced_at::text
      from central.agent_sessions`,
  keyOf: (mark, { session_id }) => session_id ?? `session-${mark}`,
  accounts: {
    sessions: {
      archived: `
        select ${named("doc -> 'session_id'")} as id, ${named("doc -> 'agent_id'")} as agent,
               trim_scale(${sure("doc ->> 'confidence'")})::text as confidence, doc ->> 'ulid' as ulid,
               md5(nullif(doc -> 'session_state', 'null')::text) as state,
               md5(nullif(doc -> 'sealed', 'null')::text) as sealed,
               (doc ->> 'synced_at')::timestamptz::text as synced
          from (${documents("agent-sessions")}) d`,
      central: `
        select session_id as id, agent_id as agent, confidence::text, ulid, md5(session_state::text) as state,
               md5(sealed::text) as sealed, synced_at::text as synced
          from central.agent_sessions`,
    },
  },
};
