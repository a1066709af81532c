-- What is known of messages that have been delivered before: whether they are merged already, and how they
-- failed so far. Asked before a message is given up, and for messages that come back from the archive.
--
-- A ledger row may have been pruned. Only for a message from the archive (p_archived) does the lane's
-- watermark stand in for it: the archive holds successes only, so what is at or below both marks was merged
-- into this store. An ordinary message at or below them is new: ids repeat when a queue is recreated, and a
-- transaction may have been open for long before its message could be seen.
-- With its owner's rights: the consumer may not read failures of others itself.
-- Locks: none. Reads only.
create or replace function central.look_up_deliveries(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_archived boolean[]
)
returns table (ordinal integer, merged boolean, attempts jsonb)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select m.ordinal::integer,
         exists (
           select
             from central.processed_messages p
            where p.lane_id = l.lane_id and p.msg_id = m.msg_id and p.enqueued_at = m.enqueued_at
         ) or (
           m.archived
           and m.msg_id <= coalesce(l.pruned_msg_id, m.msg_id - 1)
           and m.enqueued_at <= coalesce(l.pruned_enqueued_at, '-infinity')
         ),
         coalesce(central.failures_as_attempts(l.lane_id, m.msg_id, m.enqueued_at), '[]')
    from central.lanes l
   cross join rows from (
     pg_catalog.unnest(p_msg_ids),
     pg_catalog.unnest(p_enqueued_ats),
     pg_catalog.unnest(p_archived)
   ) with ordinality as m (msg_id, enqueued_at, archived, ordinal)
   where l.source_id = p_source_id and l.queue = p_queue
   order by m.ordinal;
$$;
revoke execute on function central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[]) from public;
