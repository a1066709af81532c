-- Wakes consumers that have nothing to do: the trigger of a queue's table, once a statement that inserts.
--
-- Only an idle consumer wants to be told, and only then does a sender pay for it: notifications make the
-- commits of all senders wait for each other. So a consumer that goes idle takes an advisory lock for the
-- queue, exclusively, in its listening session; here we try the same lock, shared with other senders.
--   We can't have it: somebody is idle, and is notified when we commit.
--   We have it: nobody is idle, and until we commit nobody becomes it, so our message is found by polling.
-- Either way no message is sent unnoticed, and senders never wait, for us or for each other.
--
-- Where prepared transactions are possible nobody is notified, because such a transaction may not; consumers
-- then find messages by polling alone. A sender never fails because of this: whatever goes wrong is ignored.
-- Locks: one advisory lock a queue, shared, until the transaction ends.
create or replace function public.notify_idle_consumers()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_catalog.current_setting('max_prepared_transactions') = '0'
    and not pg_catalog.pg_try_advisory_xact_lock_shared(
      pg_catalog.hashtextextended('centralcloud idle ' || tg_table_name, 0))
  then
    perform pg_catalog.pg_notify('centralcloud', tg_table_name);
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
revoke execute on function public.notify_idle_consumers() from public;
