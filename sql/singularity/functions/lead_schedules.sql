-- Makes this session the one that runs the jobs of this database, or gives who does, in words: see hold_lock.
-- With its owner's rights: who runs jobs may not write locks.
-- Locks: see hold_lock.
create or replace function public.lead_schedules()
returns text
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
  -- "ccsc" in ASCII is the key of versions before.
  select public.hold_lock('lead schedules', 1667461987, 'public.lead_schedules()');
$$;
revoke execute on function public.lead_schedules() from public;
