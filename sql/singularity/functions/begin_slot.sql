-- Lets this session make the slot of this database, and no other until it ends; gives who does, in words, where that
-- is another: see hold_lock. No lock of a row: making a slot waits for every transaction that has one, ours included.
-- With its owner's rights: who captures may not write locks.
-- Locks: see hold_lock.
create or replace function public.begin_slot()
returns text
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
  -- "ccsl" in ASCII is the key of versions before.
  select public.hold_lock('make slot', 1667461996, 'public.begin_slot()');
$$;
revoke execute on function public.begin_slot() from public;
