-- A runner takes a part of an operator's action over, or begins with it: how far it is in one queue of this source. Nothing
-- is given where a later claim of the action has it: a runner that comes late takes nothing back.
-- The part's row is this source's own record of the action. It names the login of who opened it last, and in openers each
-- one that did, with its runner and the number of its claim; one that is closed is given as it is, and keeps its login. Only these
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
  insert into public.operator_action_progress as p
    (action_key, queue, action_id, runner, claim_number, login, openers)
  values (p_action_key, p_queue, p_action_id, p_runner, p_claim_number, session_user,
          pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
            'login', session_user, 'runner', p_runner, 'claim_number', p_claim_number,
            'at', pg_catalog.clock_timestamp())))
  on conflict (action_key, queue) do update
    set runner = excluded.runner, claim_number = excluded.claim_number, login = excluded.login,
        openers = case
          when p.runner = excluded.runner and p.login is not distinct from excluded.login then p.openers
          -- Of a build that wrote down the last one alone.
          when p.openers = '[]' then pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
            'login', p.login, 'runner', p.runner, 'claim_number', p.claim_number)) || excluded.openers
          else p.openers || excluded.openers end
  where p.claim_number <= excluded.claim_number and p.closed_at is null
  returning p.*;
  if not found then
    return query
    select p.*
      from public.operator_action_progress p
     where p.action_key = p_action_key and p.queue = p_queue
       and p.closed_at is not null and p.claim_number <= p_claim_number;
  end if;
end
$$;
revoke execute on function public.open_action_part(uuid, text, bigint, text, integer) from public;
