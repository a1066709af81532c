-- Makes the partition of the change log for a day (UTC); nothing happens where it is there.
-- The table is made by itself and then attached, which nobody who reads the log has to wait for.
-- Locks: an advisory lock against doing it twice, and change_log in share update exclusive mode, both until
-- the end of the transaction.
create or replace function central.ensure_change_log_partition(p_day date)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name constant text := 'change_log_' || pg_catalog.to_char(p_day, 'YYYYMMDD');
begin
  if pg_catalog.to_regclass('central.' || v_name) is not null then
    return;
  end if;
  -- "cccl" in ASCII.
  perform pg_catalog.pg_advisory_xact_lock(1667457900);
  if pg_catalog.to_regclass('central.' || v_name) is not null then
    return;
  end if;
  execute pg_catalog.format(
    'create table central.%I (like central.change_log including defaults including constraints including indexes)',
    v_name
  );
  execute pg_catalog.format(
    'alter table central.change_log attach partition central.%I for values from (%L) to (%L)',
    v_name,
    pg_catalog.to_char(p_day, 'YYYY-MM-DD') || ' 00:00:00+00',
    pg_catalog.to_char(p_day + 1, 'YYYY-MM-DD') || ' 00:00:00+00'
  );
end
$$;
revoke execute on function central.ensure_change_log_partition(date) from public;
