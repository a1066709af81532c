-- Makes the partition of the change log for a day (UTC); nothing happens where it is there.
-- The table is made by itself and then attached, which nobody who reads the log has to wait for.
-- Locks: change_log in share update exclusive mode until the end of the transaction, which also keeps two from doing
-- it at once. Whoever holds it is waited for five seconds at most.
create or replace function central.ensure_change_log_partition(p_day date)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_name constant text := 'change_log_' || pg_catalog.to_char(p_day, 'YYYYMMDD');
begin
  if pg_catalog.to_regclass('central.' || v_name) is not null then
    return;
  end if;
  lock table central.change_log in share update exclusive mode;
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
