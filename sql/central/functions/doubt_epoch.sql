-- Why the store may have lost what it told to be committed, or no row where nothing speaks for that. It says something
-- else of itself than when the epoch began; or a consumer's last word (p_beat, the number that the store acknowledged
-- last) is not in it; or a consumer that has no memory yet (p_beat is 0) finds that nobody has confirmed the epoch for
-- half a minute. p_beat null: whoever asks has none, and asks about the store alone.
-- is_quiet: as far as is known no consumer worked a moment ago, so nothing is archived now that was merged before.
-- With its owner's rights: whoever asks may not see every table.
-- Locks: none. Reads only.
create or replace function central.doubt_epoch(p_consumer_id uuid default null, p_beat bigint default null)
returns table (reason text, is_quiet boolean)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_epoch central.epochs;
  v_now record;
begin
  select e.* into v_epoch from central.epochs e order by e.id desc limit 1;
  if not found then
    reason := 'it was never looked at before';
    is_quiet := coalesce(p_beat, 0) = 0;
    return next;
    return;
  end if;

  select f.* into strict v_now from central.store_facts() f;
  is_quiet := false;
  reason := case
    when v_now.system_id is distinct from v_epoch.system_id then 'its server has another system identifier'
    when v_now.timeline is distinct from v_epoch.timeline then 'its server is on another timeline'
    when v_now.server_started_at is distinct from v_epoch.server_started_at then 'its server was started anew'
    when v_now.recovered_at is distinct from v_epoch.recovered_at then 'its server has recovered from a crash'
    when v_now.database_oid is distinct from v_epoch.database_oid then 'it is another database of its server'
    when v_now.ledger_file is distinct from v_epoch.ledger_file then 'its ledger is in another file'
    when p_beat > 0 and not exists (
      select
        from central.consumers c
       where c.id = p_consumer_id and (c.beat is null or c.beat >= p_beat)
    ) then 'it does not have what a consumer said last'
  end;
  if reason is null and p_beat = 0
     and not v_epoch.seen_at between pg_catalog.clock_timestamp() - interval '30 seconds'
                                 and pg_catalog.clock_timestamp() + interval '30 seconds' then
    reason := 'no consumer was at work';
    is_quiet := true;
  end if;
  if reason is not null then
    return next;
  end if;
end
$$;
revoke execute on function central.doubt_epoch(uuid, bigint) from public;
