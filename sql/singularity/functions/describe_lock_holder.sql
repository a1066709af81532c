-- Who has one of our locks (see take_lock), in words; never null.
-- The row tells the transaction that locked it. Where that was part of a larger one and has ended, nothing tells whose
-- it was: then all are named that have locked or entered a row of the table.
-- Locks: none.
create or replace function public.describe_lock_holder(p_lock_name text)
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    public.describe_sessions(array(
      select h.pid
        from public.centralcloud_locks l
        join pg_catalog.pg_locks h on h.locktype = 'transactionid' and h.transactionid = l.xmax and h.granted
       where l.lock_name = p_lock_name)),
    public.describe_sessions(array(
      select h.pid
        from pg_catalog.pg_locks h
       where h.locktype = 'relation' and h.relation = 'public.centralcloud_locks'::regclass
         and h.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
         and h.mode in ('RowShareLock', 'RowExclusiveLock') and h.granted and h.pid <> pg_catalog.pg_backend_pid())),
    'a transaction that has just ended'
  );
$$;
revoke execute on function public.describe_lock_holder(text) from public;
