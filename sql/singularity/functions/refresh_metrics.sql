-- Brings agent_performance_5min up to date while it is read: concurrently, except the first time, when
-- there is nothing to compare with.
--
-- Runs with the rights of its owner, who owns the view: only the owner may refresh it.
-- Locks: exclusive on the view, so that two refreshes wait for each other; readers go on, except the first time.
create or replace function public.refresh_metrics()
returns table (row_count bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if (select c.relispopulated from pg_catalog.pg_class c
       where c.oid = 'public.agent_performance_5min'::pg_catalog.regclass) then
    refresh materialized view concurrently public.agent_performance_5min;
  else
    refresh materialized view public.agent_performance_5min;
  end if;
  return query select count(*) from public.agent_performance_5min;
end
$$;

revoke execute on function public.refresh_metrics() from public;
