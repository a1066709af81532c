-- Forgets the failures of messages that are decided now: merged, or dead-lettered with their history.
-- Idempotent. What a crash leaves here, prune_ledger removes.
-- With its owner's rights: the consumer may not write to the table itself.
-- Locks: the rows it deletes.
create or replace function central.forget_failures(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[]
)
returns integer
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from central.delivery_failures f
     using central.lanes l,
           rows from (pg_catalog.unnest(p_msg_ids), pg_catalog.unnest(p_enqueued_ats)) as m (msg_id, enqueued_at)
     where l.source_id = p_source_id and l.queue = p_queue
       and f.lane_id = l.lane_id and f.msg_id = m.msg_id and f.enqueued_at = m.enqueued_at
    returning 1
  )
  select count(*)::integer from gone;
$$;
revoke execute on function central.forget_failures(uuid, text, bigint[], timestamptz[]) from public;
