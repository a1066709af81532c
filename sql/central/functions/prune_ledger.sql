-- Deletes ledger rows that no delivery can meet any more, at most p_limit of them, and says how many it took.
--
-- A row goes when both hold: its message was merged longer ago than p_retention (at least a day, which
-- outlives any stalled process), and its id is below p_below_msg_id, the lowest that the queue still holds
-- (or the next that it will give out). The lane keeps the highest id and time that went, for messages that
-- are sent again from the archive (look_up_deliveries).
--
-- Only the p_limit rows with the lowest ids are looked at, so a call costs the same for any ledger. Ids and
-- times grow together; where they don't, the old rows behind young ones wait until those are old.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Idempotent. Locks: the rows it deletes, by id; then the lane's row.
create or replace function central.prune_ledger(
  p_source_id uuid,
  p_queue text,
  p_below_msg_id bigint,
  p_retention interval default '1 day',
  p_limit integer default 10000
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
  v_count integer;
  v_msg_id bigint;
  v_enqueued_at timestamptz;
begin
  if p_retention < interval '1 day' then
    raise exception 'a ledger row must be kept for at least a day, not %', p_retention
      using errcode = 'invalid_parameter_value';
  end if;

  with lowest as materialized (
    select p.msg_id, p.enqueued_at, p.processed_at
      from central.processed_messages p
     where p.lane_id = v_lane_id and p.msg_id < p_below_msg_id
     order by p.msg_id, p.enqueued_at
     limit p_limit
  ),
  gone as (
    delete from central.processed_messages p
     using (select * from lowest o order by o.msg_id, o.enqueued_at) l
     where p.lane_id = v_lane_id and p.msg_id = l.msg_id and p.enqueued_at = l.enqueued_at
       and l.processed_at < pg_catalog.clock_timestamp() - p_retention
    returning p.msg_id, p.enqueued_at
  )
  select count(*), max(g.msg_id), max(g.enqueued_at)
    into v_count, v_msg_id, v_enqueued_at
    from gone g;

  if v_count > 0 then
    update central.lanes l
       set pruned_msg_id = greatest(l.pruned_msg_id, v_msg_id),
           pruned_enqueued_at = greatest(l.pruned_enqueued_at, v_enqueued_at)
     where l.lane_id = v_lane_id;
  end if;

  -- Of messages that have left the queue, and so are decided: left by a crash before forget_failures.
  delete from central.delivery_failures f
   where f.lane_id = v_lane_id and f.msg_id < p_below_msg_id;
  return v_count;
end
$$;
revoke execute on function central.prune_ledger(uuid, text, bigint, interval, integer) from public;
