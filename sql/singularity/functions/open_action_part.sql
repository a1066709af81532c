-- A runner takes a part of an operator's action over, or begins with it: how far it is in one queue of this source. Nothing
-- is given where a later claim of the action has it: a runner that comes late takes nothing back.
-- The part's row is this source's own record of the action. It names the login of who opened it last, and only these
-- functions write to it: what is moved is counted by what moves it, so an operator can't claim another figure.
-- With its owner's rights: operators may not write to the table themselves. Refuses a queue that is none of ours.
-- Idempotent. Locks: the part's row; waits for a transaction that another runner has left open.
create or replace function public.open_action_part(
  p_action_key uuid,
  p_queue text,
  p_action_id bigint,
  p_runner text,
  p_claim_number integer
)
returns setof public.operator_action_progress
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A number that leaves no room for a later claim would keep everybody else out.
  if p_claim_number not between 1 and 999999999 then
    raise exception 'claim number % is not one of 1 to 999999999', p_claim_number using errcode = 'invalid_parameter_value';
  end if;
  if p_queue not in ('centralcloud-new-patterns', 'agent-sessions', 'agent-knowledge-updates') then
    raise exception '% is no queue of CentralCloud''s', p_queue using errcode = 'insufficient_privilege';
  end if;

  return query
  insert into public.operator_action_progress as p (action_key, queue, action_id, runner, claim_number, login)
  values (p_action_key, p_queue, p_action_id, p_runner, p_claim_number, session_user)
  on conflict (action_key, queue) do update
    set runner = excluded.runner, claim_number = excluded.claim_number, login = excluded.login
  where p.claim_number <= excluded.claim_number
  returning p.*;
end
$$;
revoke execute on function public.open_action_part(uuid, text, bigint, text, integer) from public;
