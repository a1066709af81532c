-- A consumer says that it works with the store, and learns whether the store may have lost what it told to be committed
-- (a failover to an asynchronous standby, a restored backup): then a new epoch begins, and the sources' archives are
-- compared with the ledger from where the store was known to be complete.
--
-- p_beat: the beat that this call acknowledged last time, 0 before that. The consumer remembers it and so does the
-- store, unless it lost it.
-- p_clocks: from the ids of sources to what their clocks showed a moment ago. What was archived there by then had been
-- merged before, and so is in whatever copy of this store has this row: the source's watermark. It is moved only by a
-- consumer whose last beat is here, at most every eight seconds, and back where the source's clock was set back. The
-- archive of a source that has none yet is compared from its beginning, or, where the ledger knows the source (an older
-- version wrote it), from an hour before; and up to there, unless an epoch has just begun in which consumers may still
-- archive what they merged before it.
-- p_queues: the queues of a source.
-- Returns one row: the beat to remember, the epoch, whether this call began it and why it began, and what is to be
-- compared or was found missing (at most 1,000; those of sources that the consumer works on come first, so that many that
-- are away keep none from being compared), as a JSON array.
--
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks, in this order: epochs, where a new one begins, else its last row; archive_watermarks, likewise or its rows, by
-- key; rows of archive_checks, by key; the consumer's own row.
create or replace function central.confirm_epoch(
  p_consumer_id uuid,
  p_beat bigint,
  p_clocks jsonb,
  p_queues text[]
)
returns table (beat bigint, epoch_id bigint, is_new boolean, reason text, checks jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
#variable_conflict use_column
declare
  v_doubt record;
  v_epoch central.epochs;
  v_is_new boolean := false;
begin
  if exists (select from central.doubt_epoch(p_consumer_id, p_beat)) then
    lock table central.epochs in share row exclusive mode;
    -- Another consumer may have begun one meanwhile.
    select d.* into v_doubt from central.doubt_epoch(p_consumer_id, p_beat) d;
    if found then
      perform central.begin_epoch(v_doubt.reason, v_doubt.is_quiet, p_queues);
      v_is_new := true;
    end if;
  end if;
  update central.epochs e
     set seen_at = pg_catalog.clock_timestamp()
   where e.id = (select max(n.id) from central.epochs n)
     and not e.seen_at between pg_catalog.clock_timestamp() - interval '8 seconds' and pg_catalog.clock_timestamp();
  select e.* into strict v_epoch from central.epochs e order by e.id desc limit 1;

  with told as (
    select t.key::uuid as source_id, t.value::timestamptz as read_at
      from pg_catalog.jsonb_each_text(p_clocks) t (key, value)
  ),
  added as (
    insert into central.archive_watermarks (source_id, stored_until)
    select t.source_id, t.read_at from told t order by t.source_id
    on conflict (source_id) do nothing
    returning source_id, stored_until
  )
  insert into central.archive_checks (source_id, queue, epoch_id, from_at, until_at)
  select a.source_id, q.queue, v_epoch.id,
         case when exists (
           select
             from central.lanes l
            where l.source_id = a.source_id
              and (exists (select from central.processed_messages p where p.lane_id = l.lane_id)
                   or exists (select from central.pruned_ranges r where r.lane_id = l.lane_id))
         ) then a.stored_until - interval '1 hour' else '-infinity' end,
         case when v_epoch.is_quiet or v_epoch.began_at < pg_catalog.clock_timestamp() - interval '10 minutes'
              then a.stored_until end
    from added a
   cross join pg_catalog.unnest(p_queues) q (queue)
   order by a.source_id, q.queue
  on conflict do nothing;

  if p_beat > 0 then
    update central.archive_watermarks w
       set stored_until = l.read_at, noted_at = pg_catalog.clock_timestamp()
      from (
        select m.source_id, t.value::timestamptz as read_at
          from pg_catalog.jsonb_each_text(p_clocks) t (key, value)
          join central.archive_watermarks m on m.source_id = t.key::uuid
         where not m.noted_at between pg_catalog.clock_timestamp() - interval '8 seconds'
                                  and pg_catalog.clock_timestamp()
         order by m.source_id
           for update of m
      ) l
     where w.source_id = l.source_id;
  end if;

  update central.consumers c set beat = p_beat + 1 where c.id = p_consumer_id;

  -- Where the consumer has no row yet, nothing was kept: it has no beat to remember.
  return query
  select case when found then p_beat + 1 else 0 end, v_epoch.id, v_is_new, v_epoch.reason,
         (select coalesce(pg_catalog.jsonb_agg(k.row), '[]')
            from (
              select pg_catalog.to_jsonb(a) as row
                from central.archive_checks a
                left join central.consumers c on c.id = p_consumer_id
               where a.from_at is not null
               order by c.sources ? a.source_id::text desc nulls last, a.missing_count desc, a.source_id, a.queue
               limit 1000
            ) k);
end
$$;
revoke execute on function central.confirm_epoch(uuid, bigint, jsonb, text[]) from public;
