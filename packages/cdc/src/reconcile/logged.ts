import type { Pool } from "pg";
import { comparedQueues } from "./compared-queues.ts";
import { createReadableTime } from "./readable-time.ts";

/** Something that the change log says was learned or persisted, and that a message must have delivered. */
export interface Logged {
  /** As its message's version names it: `pattern`, `session`. */
  readonly kind: string;
  /** Of the learned pattern, or of the session. */
  readonly id: string;
  readonly agentId: string;
  /** The one of the two that its message names with its time. */
  readonly who: string;
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

const query = comparedQueues
  .map(
    ({ kind, logged }) => `
      select '${kind}' as kind, l.id, l.agent_id as "agentId", l.who, l.at::text as at, l.hash,
             l.is_stored as "isStored", l.lsn < $4 as "isSettled"
        from (${logged}) l`,
  )
  .join(" union all ");

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
