-- Begins a new epoch of the store, for a reason that doubt_epoch gave: every archive that was ever compared is to be compared again,
-- from the time until which the store, as it is now, is known to have everything; or from an earlier time that still
-- waits to be compared. What consumers remember counts from here on.
-- p_queues: the queues of a source.
-- Called by confirm_epoch, which has the lock on epochs.
-- Locks: archive_watermarks, so that nobody moves one on meanwhile; rows of archive_checks, by key; rows of consumers,
-- but none that somebody has locked: such a consumer begins another epoch, which does no harm.
create or replace function central.begin_epoch(p_reason text, p_is_quiet boolean, p_queues text[])
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
begin
  lock table central.archive_watermarks in share row exclusive mode;

  insert into central.epochs
    (reason, is_quiet, system_id, timeline, server_started_at, recovered_at, database_oid, ledger_file)
  select p_reason, p_is_quiet, f.system_id, f.timeline, f.server_started_at, f.recovered_at, f.database_oid,
         f.ledger_file
    from central.store_facts() f
  returning id into v_id;
  delete from central.epochs e where e.id <= v_id - 100;

  insert into central.archive_checks as k (source_id, queue, epoch_id, from_at)
  select w.source_id, q.queue, v_id, w.stored_until
    from central.archive_watermarks w
   cross join pg_catalog.unnest(p_queues) q (queue)
   order by w.source_id, q.queue
  on conflict (source_id, queue) do update
    set epoch_id = excluded.epoch_id,
        from_at = least(k.from_at, excluded.from_at),
        until_at = null,
        compared_at = null,
        runner = null,
        lease_until = null;

  update central.consumers c
     set beat = null
   where c.id in (
     select s.id
       from central.consumers s
      where s.last_seen_at > pg_catalog.clock_timestamp() - interval '1 minute'
        for update skip locked
   );
  return v_id;
end
$$;
revoke execute on function central.begin_epoch(text, boolean, text[]) from public;
