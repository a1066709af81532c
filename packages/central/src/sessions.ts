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

/** A session without its state and its seal. */
export interface SessionHead extends Omit<CentralSession, "state" | "sealed"> {
  readonly ulid: string | null;
}

/** Where a session stands in a list. */
export type SessionKey = Pick<SessionHead, "sourceId" | "sessionId">;

export interface SessionFilter {
  /** The name or the id of a source. */
  readonly source?: string;
  readonly agent?: string;
  /** Those after this one. */
  readonly after?: SessionKey;
  readonly limit: number;
}

/** Sessions by source and id, so that a page costs the same wherever it is. Reads neither states nor seals. */
export async function listSessions(
  central: Pick<Pool, "query">,
  { source, agent, after, limit }: SessionFilter,
): Promise<readonly SessionHead[]> {
  const values: unknown[] = [];
  const add = (value: unknown) => `$${values.push(value)}`;
  const conditions = ["true"];
  if (source !== undefined) {
    const given = add(source);
    conditions.push(
      `s.source_id in (select k.source_id from central.sources k where ${given} in (k.name, k.source_id::text))`,
    );
  }
  if (agent !== undefined) conditions.push(`s.agent_id = ${add(agent)}`);
  if (after !== undefined) {
    conditions.push(
      `(s.source_id, s.session_id) > (${add(after.sourceId)}::uuid, ${add(after.sessionId)}::text)`,
    );
  }
  const { rows } = await central.query<SessionHead>(
    `select s.source_id::text as "sourceId", coalesce(o.name, s.source_id::text) as source,
            s.session_id as "sessionId", s.agent_id as "agentId", s.confidence::text, s.ulid,
            to_char(s.synced_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "syncedAt"
       from central.agent_sessions s
       left join central.sources o using (source_id)
      where ${conditions.join("\n        and ")}
      order by s.source_id, s.session_id
      limit ${add(limit)}`,
    values,
  );
  return rows;
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
