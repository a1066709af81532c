-- Locks a part of an operator's action for the rest of the transaction and gives it. Nothing is given where the runner does
-- not have it: another one has taken it over. Only the login that opened it is its runner, whose name anybody can read.
-- With its owner's rights: operators may not lock rows of the table themselves.
-- Locks: the part's row.
create or replace function public.lock_action_part(p_action_key uuid, p_queue text, p_runner text)
returns setof public.operator_action_progress
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.*
    from public.operator_action_progress p
   where p.action_key = p_action_key and p.queue = p_queue and p.runner = p_runner and p.login = session_user
     for update;
$$;
revoke execute on function public.lock_action_part(uuid, text, text) from public;
