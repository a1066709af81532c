-- Takes one of our locks until the end of the transaction, waiting for it no longer than p_longest_wait.
-- Gives null when we have it, else who has it, in words.
--
-- The lock is that of a row of centralcloud_locks. An application has no right on that table, so it can't take one;
-- an advisory lock could be taken by any login. It can only keep one that a function of ours took for it, by leaving
-- its transaction open; that is why each wait ends, and says for whom it was.
-- It is tried again and again instead of waited for: PostgreSQL forgets whom a statement waited for when it gives up.
-- Locks: the row. A lock that is used for the first time is entered; who enters it, too, has it.
create or replace function public.take_lock(p_lock_name text, p_longest_wait interval default '0')
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '50ms'
as $$
declare
  v_deadline constant timestamptz := pg_catalog.clock_timestamp() + p_longest_wait;
begin
  loop
    if not exists (select from public.centralcloud_locks l where l.lock_name = p_lock_name) then
      begin
        insert into public.centralcloud_locks (lock_name) values (p_lock_name) on conflict (lock_name) do nothing;
      exception
        when lock_not_available then
          null;
      end;
    end if;
    perform from public.centralcloud_locks l where l.lock_name = p_lock_name for update skip locked;
    if found then
      return null;
    end if;
    exit when pg_catalog.clock_timestamp() >= v_deadline;
    perform pg_catalog.pg_sleep(0.02);
  end loop;
  return public.describe_lock_holder(p_lock_name);
end
$$;
revoke execute on function public.take_lock(text, interval) from public;
