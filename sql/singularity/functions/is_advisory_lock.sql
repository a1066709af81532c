-- Whether a row of pg_locks is the advisory lock of this database that has this key of 64 bits.
-- Locks: none.
create or replace function public.is_advisory_lock(p_lock pg_catalog.pg_locks, p_key bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select p_lock.locktype = 'advisory' and p_lock.objsubid = 1
     and p_lock.classid::bigint = ((p_key >> 32) & 4294967295)
     and p_lock.objid::bigint = (p_key & 4294967295)
     and p_lock.database = (select d.oid from pg_catalog.pg_database d
                             where d.datname = pg_catalog.current_database());
$$;
revoke execute on function public.is_advisory_lock(pg_catalog.pg_locks, bigint) from public;
