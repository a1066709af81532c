-- Who may have kept a statement of ours waiting that gave up a moment ago, in words; never null.
-- PostgreSQL does not keep whom it waited for. So these are the sessions with a lock on a table of ours that keeps
-- others from changing it; where there is none, those that have changed or locked rows and were still there a moment
-- later.
-- Locks: none.
create or replace function public.sessions_in_the_way()
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_database constant oid := (select d.oid from pg_catalog.pg_database d
                               where d.datname = pg_catalog.current_database());
  v_ours constant oid[] := array(
    select c.oid
      from pg_catalog.pg_class c
     where c.relkind in ('r', 'p', 'm')
       and (c.relnamespace = pg_catalog.to_regnamespace('pgmq')
            or c.relowner = (select o.relowner from pg_catalog.pg_class o
                              where o.oid = 'public.centralcloud_locks'::regclass)));
  v_transactions text[];
  v_pids integer[];
begin
  v_pids := array(
    select l.pid from pg_catalog.pg_locks l
     where l.locktype = 'relation' and l.database = v_database and l.relation = any (v_ours)
       and l.granted and l.pid is distinct from pg_catalog.pg_backend_pid()
       and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'));
  if pg_catalog.cardinality(v_pids) = 0 then
    v_transactions := array(
      select l.virtualtransaction from pg_catalog.pg_locks l
       where l.locktype = 'relation' and l.database = v_database and l.relation = any (v_ours)
         and l.mode in ('RowShareLock', 'RowExclusiveLock'));
    perform pg_catalog.pg_sleep(0.1);
    v_pids := array(
      select l.pid from pg_catalog.pg_locks l
       where l.locktype = 'relation' and l.database = v_database and l.relation = any (v_ours)
         and l.mode in ('RowShareLock', 'RowExclusiveLock')
         and l.virtualtransaction = any (v_transactions)
         and l.pid is distinct from pg_catalog.pg_backend_pid());
  end if;
  return coalesce(public.describe_sessions(v_pids), 'a transaction that has just ended');
end
$$;
revoke execute on function public.sessions_in_the_way() from public;
