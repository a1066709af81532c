-- Which session has a lock that hold_lock gave: in words, an empty text where it is this one, null where none has.
-- Locks: none.
create or replace function public.session_with_lock(p_lock_name text)
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select case when l.pid = pg_catalog.pg_backend_pid() then '' else public.describe_sessions(array[l.pid]) end
    from public.centralcloud_locks c
    join pg_catalog.pg_locks l on l.pid = c.holder_pid
   where c.lock_name = p_lock_name and l.granted and public.is_advisory_lock(l, c.holder_key);
$$;
revoke execute on function public.session_with_lock(text) from public;
