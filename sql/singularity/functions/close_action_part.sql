-- Lets a part of an operator's action move nothing more, whoever has it. Nothing is given where the runner does not have it,
-- unless it is closed already: then it is given as it is.
-- With its owner's rights: operators may not write to the table themselves.
-- Idempotent. Locks: the part's row.
create or replace function public.close_action_part(p_action_key uuid, p_queue text, p_runner text)
returns setof public.operator_action_progress
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  update public.operator_action_progress p
     set closed_at = coalesce(p.closed_at, pg_catalog.clock_timestamp())
   where p.action_key = p_action_key and p.queue = p_queue
     and (p.closed_at is not null or p.runner = p_runner and p.login = session_user)
  returning p.*;
$$;
revoke execute on function public.close_action_part(uuid, text, text) from public;
