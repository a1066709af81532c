import { pause } from "@centralcloud/service";
import type { Pool } from "pg";
import { fillQueue, queue } from "../backlog.ts";

/** A source that is well: its queue is kept full, so that as much is merged as can be. */
export interface GoodLoad {
  readonly sent: number;
  readonly name: string;
  readonly pool: Pool;
}

const bytes = 420;

/** Keeps at least this many messages waiting until it is over. */
export async function keepFull(
  load: { sent: number; readonly pool: Pool },
  least: number,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    if ((await countOf(load.pool, `q_${queue}`, least)) < least) {
      await fillQueue(load, { messages: least, bytes }, load.sent);
      load.sent += least;
    }
    await pause(50, over);
  }
}

/** Rows of a table of the queue, counted no further than this. */
export async function countOf(pool: Pool, table: string, most: number | null): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer as count from (select from pgmq."${table}" limit $1) q`,
    [most],
  );
  return rows[0]?.count ?? 0;
}
