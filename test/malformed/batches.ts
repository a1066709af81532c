import type { TestDatabase } from "../support/databases.ts";

/**
 * For each message that was merged, how many batches with a later message were merged before it. A batch is what one
 * transaction has merged, as the ledger tells; in a queue's own order of delivery there would be none.
 */
export async function overtakenBy(
  { pool }: TestDatabase,
  queue: string,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ msg_id: string; batches: number }>(
    `with message as (
       select p.msg_id, p.processed_at
         from central.processed_messages p join central.lanes l using (lane_id)
        where l.queue = $1
     ), batch as (
       select processed_at, min(msg_id) as first_id, max(msg_id) as last_id from message group by processed_at
     ), overtaken as (
       select late.processed_at, array_agg(early.last_id) as last_ids
         from batch late
         left join batch early on early.processed_at < late.processed_at and early.last_id > late.first_id
        group by late.processed_at
     )
     select m.msg_id::text,
            (select count(*)::integer from unnest(o.last_ids) as last_id where last_id > m.msg_id) as batches
       from message m join overtaken o using (processed_at)`,
    [queue],
  );
  return new Map(rows.map(({ msg_id, batches }) => [msg_id, batches]));
}
