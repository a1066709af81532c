import type { Pool } from "pg";
import { createReadableTime } from "./readable-time.ts";

/** Something that the change log says was learned or persisted, and that a message must have delivered. */
export interface Logged {
  readonly kind: "pattern" | "session";
  /** Of the learned pattern, or of the session. */
  readonly id: string;
  readonly agentId: string;
  /** When it was learned, or the version of the session; a message says the same. Null where it can't be read. */
  readonly at: string | null;
  /** Of the pattern's text; tells two apart that an agent learned at the same moment. */
  readonly hash: string;
  /** Whether the central store has it, as far as it can tell. */
  readonly isStored: boolean;
  /** Whether its message was there to be seen when the messages were looked at. */
  readonly isSettled: boolean;
}

export interface LogWindow {
  readonly sourceId: string;
  /** What was committed before this is left out. */
  readonly from: Date;
  /** What was committed before this is settled. */
  readonly settledLsn: bigint;
  /** Only what was committed before this. */
  readonly untilLsn: bigint;
}

/** Rows that are held in memory at once. */
const chunkRows = 5_000;

/**
 * The central store keeps of patterns what an agent learned last and how often, of sessions the newest
 * version: so it can show that something is missing, and not always that nothing is.
 */
const query = `
  select 'pattern' as kind, c.key ->> 'id' as id, c.agent_id as "agentId", l.at::text as at, l.hash,
         coalesce(p.last_learned_at >= l.at, false) as "isStored", c.lsn < $4 as "isSettled"
    from central.change_log c
   cross join lateral (
     select pg_temp.readable_time(c.new_values ->> 'learned_at') as at,
            md5((c.new_values -> 'pattern')::text) as hash,
            sha256(convert_to((c.new_values -> 'pattern')::text, 'UTF8')) as fingerprint
   ) l
    left join central.pattern_agents p
      on p.fingerprint = l.fingerprint and p.source_id = c.source_id and p.agent_id = c.agent_id
   where c.source_id = $1 and c.committed_at >= $2 and c.lsn < $3
     and c.table_name = 'learned_patterns' and c.operation in ('insert', 'snapshot')
  union all
  select 'session', v.id, v.agent_id, v.at::text, '', coalesce(s.synced_at >= v.at, false), v.lsn < $4
    from (
      select c.source_id, c.key ->> 'id' as id, c.agent_id,
             pg_temp.readable_time(c.new_values ->> 'last_synced_at') as at, min(c.lsn) as lsn
        from central.change_log c
       where c.source_id = $1 and c.committed_at >= $2 and c.lsn < $3
         and c.table_name = 'agent_sessions' and c.operation in ('insert', 'update', 'snapshot')
         and c.new_values ->> 'last_synced_at' is not null
       group by 1, 2, 3, 4
    ) v
    left join central.agent_sessions s on s.source_id = v.source_id and s.session_id = v.id`;

/** In chunks, however many there are. */
export async function* readLogged(
  central: Pool,
  { sourceId, from, settledLsn, untilLsn }: LogWindow,
): AsyncGenerator<readonly Logged[]> {
  const client = await central.connect();
  let isDone = false;
  try {
    await client.query("begin; set local timezone = 'UTC'");
    await client.query(createReadableTime);
    await client.query(`declare logged no scroll cursor for ${query}`, [
      sourceId,
      from,
      untilLsn,
      settledLsn,
    ]);
    for (;;) {
      const { rows } = await client.query<Logged>(`fetch ${chunkRows} from logged`);
      if (rows.length === 0) break;
      yield rows;
    }
    await client.query("rollback");
    isDone = true;
  } finally {
    client.release(!isDone);
  }
}
