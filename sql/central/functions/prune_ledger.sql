-- Deletes ledger rows that no delivery can meet any more, at most p_limit of them, and says how many it took.
--
-- A row goes when both hold: its message was merged longer ago than p_retention (at least a day, which
-- outlives any stalled process), and its id is below p_below_msg_id, the lowest that the queue still holds
-- (or the next that it will give out). What went is kept as ranges without gaps, for messages that are sent
-- again from the archive (look_up_deliveries): a highest id alone would also speak for messages that this
-- store has never merged, because it is new or was restored. Failures of messages that have left the queue
-- go, too.
--
-- Only the p_limit rows with the lowest ids are looked at, so a call costs the same for any ledger. Ids and
-- times grow together; where they don't, the old rows behind young ones wait until those are old.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Idempotent. Locks: the rows it deletes, by id; then the ranges that it lengthens or makes.
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
  ),
  -- Ids that follow on each other have the same distance from their row's number.
  pruned as (
    select min(i.msg_id) as first_id, max(i.msg_id) as last_id,
           min(i.enqueued_at) as first_at, max(i.enqueued_at) as last_at, count(*) as rows
      from (
        select g.msg_id, g.enqueued_at, g.msg_id - pg_catalog.row_number() over (order by g.msg_id) as island
          from gone g
      ) i
     group by i.island
  ),
  lengthened as (
    update central.pruned_ranges r
       set last_msg_id = p.last_id,
           first_enqueued_at = least(r.first_enqueued_at, p.first_at),
           last_enqueued_at = greatest(r.last_enqueued_at, p.last_at)
      from pruned p
     where r.lane_id = v_lane_id and r.last_msg_id = p.first_id - 1
       -- Not a range of a queue that was made anew since.
       and p.first_at between r.first_enqueued_at and r.last_enqueued_at + interval '1 hour'
    returning p.first_id
  ),
  made as (
    insert into central.pruned_ranges (lane_id, first_msg_id, last_msg_id, first_enqueued_at, last_enqueued_at)
    select v_lane_id, p.first_id, p.last_id, p.first_at, p.last_at
      from pruned p
     where p.first_id not in (select l.first_id from lengthened l)
     order by p.first_id
    on conflict do nothing
  )
  select coalesce(sum(p.rows), 0)
    into v_count
    from pruned p;

  -- Of messages that have left the queue, and so are decided: left by a crash before forget_failures.
  delete from central.delivery_failures f
   where f.lane_id = v_lane_id and f.msg_id < p_below_msg_id;
  return v_count;
end
$$;
revoke execute on function central.prune_ledger(uuid, text, bigint, interval, integer) from public;
