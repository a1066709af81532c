import type { Pool } from "pg";

/** The newest state of a session that the central store has. */
export interface CentralSession {
  readonly sourceId: string;
  /** The source's name. */
  readonly source: string;
  readonly sessionId: string;
  readonly agentId: string;
  /** A decimal number, in its digits. */
  readonly confidence: string;
  /** ISO 8601. */
  readonly syncedAt: string;
  /** The JSON text of a state that came in plain; else null, and the state is sealed. */
  readonly state: string | null;
  readonly sealed: {
    readonly alg: string;
    readonly key_id: string;
    readonly data: string;
    readonly data_key?: string;
  } | null;
}

/** The sessions of that id: at most one a source. */
export async function findSessions(
  central: Pool,
  sessionId: string,
): Promise<readonly CentralSession[]> {
  const { rows } = await central.query<CentralSession>(
    // Source by source, because the key of a session begins with its source.
    `select o.source_id as "sourceId", o.name as source,
            s.session_id as "sessionId", s.agent_id as "agentId", s.confidence::text,
            to_char(s.synced_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "syncedAt", s.session_state::text as state, s.sealed
       from central.sources o
       join central.agent_sessions s on s.source_id = o.source_id and s.session_id = $1
      order by 2, 1`,
    [sessionId],
  );
  return rows;
}
