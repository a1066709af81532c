-- Makes the partitions of today and tomorrow (UTC) ahead of their first rows, and drops those of days that
-- lie more than p_keep_days back; gives the names of those dropped. May run any number of times.
-- Dropping waits for whoever reads the log, and whoever comes meanwhile waits for it: so it gives up after
-- two seconds, and the next call tries again.
-- With its owner's rights: who captures may not drop a table.
-- Locks: as ensure_change_log_partition; then change_log exclusively, from the first drop to the end.
create or replace function central.maintain_change_log(p_keep_days integer)
returns text[]
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_today constant date := (pg_catalog.clock_timestamp() at time zone 'UTC')::date;
  v_name text;
  v_dropped text[] := array[]::text[];
begin
  if p_keep_days < 1 then
    raise exception 'p_keep_days must be at least 1' using errcode = 'invalid_parameter_value';
  end if;
  perform central.ensure_change_log_partition(v_today);
  perform central.ensure_change_log_partition(v_today + 1);

  for v_name in
    select c.relname
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'central.change_log'::regclass
       and c.relname ~ '^change_log_\d{8}$'
       and pg_catalog.to_date(pg_catalog.right(c.relname, 8), 'YYYYMMDD') < v_today - p_keep_days
     order by c.relname
  loop
    execute pg_catalog.format('drop table central.%I', v_name);
    v_dropped := v_dropped || v_name;
  end loop;
  return v_dropped;
exception
  when lock_not_available then
    return array[]::text[];
end
$$;
revoke execute on function central.maintain_change_log(integer) from public;
