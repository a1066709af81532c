-- What is known of messages that have been delivered before: whether they are merged already, and how they
-- failed so far. Asked before a message is given up, and for messages that come back from the archive.
--
-- A ledger row may have been pruned. For a message from the archive (p_archived) the ranges that prune_ledger
-- has left stand in for it: each of their ids was merged into this store. For an ordinary message they are
-- not asked: what leaves the ledger has left the queue for good.
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
           and exists (
             select
               from central.pruned_ranges r
              where r.lane_id = l.lane_id
                and m.msg_id between r.first_msg_id and r.last_msg_id
                and m.enqueued_at between r.first_enqueued_at and r.last_enqueued_at
           )
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
