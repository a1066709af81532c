-- Which of the archived messages of a queue the store does not have, by their place in the arrays, from 1: neither the
-- ledger knows them nor a range of what was pruned from it. As look_up_deliveries, which also tells how messages failed,
-- at a tenth of the cost: whole archives are compared so.
-- Each is looked up by its key, whatever the statistics say of tables that have just been restored.
-- With its owner's rights: the consumer may not read pruned_ranges.
-- Locks: none. Reads only.
create or replace function central.find_missing_messages(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[]
)
returns setof integer
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  v_lane_id constant integer := (select l.lane_id from central.lanes l where l.source_id = p_source_id and l.queue = p_queue);
begin
  return query
  select m.ordinal::integer
    from rows from (
      pg_catalog.unnest(p_msg_ids),
      pg_catalog.unnest(p_enqueued_ats)
    ) with ordinality as m (msg_id, enqueued_at, ordinal)
   where not exists (
           select
             from central.processed_messages p
            where p.lane_id = v_lane_id and p.msg_id = m.msg_id and p.enqueued_at = m.enqueued_at
         )
     and not exists (
           select
             from central.pruned_ranges r
            where r.lane_id = v_lane_id
              and m.msg_id between r.first_msg_id and r.last_msg_id
              and m.enqueued_at between r.first_enqueued_at and r.last_enqueued_at
         )
   order by m.ordinal;
end
$$;
revoke execute on function central.find_missing_messages(uuid, text, bigint[], timestamptz[]) from public;
