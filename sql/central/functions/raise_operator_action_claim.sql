-- Raises the number of a claim above one that a source has of the action: the store has lost later claims than its own
-- (a failover to an asynchronous standby, a restored backup), and no source would let it go on. Only the runner that has the
-- action can; null: it does not have it.
-- With its owner's rights: operators may not write to the table themselves; and only the login that claimed the action is
-- its runner, whose name anybody can read.
-- Locks: the action's row.
create or replace function central.raise_operator_action_claim(p_action_id bigint, p_runner text, p_above integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_number integer;
begin
  update central.operator_actions a
     set claim_count = greatest(a.claim_count, least(p_above, 999999998) + 1)
   where a.id = p_action_id and a.runner = p_runner
     and exists (select
                   from central.operator_action_events e
                  where e.action_id = a.id and e.event = 'claimed' and e.actor = p_runner and e.login = session_user)
  returning a.claim_count into v_number;
  return v_number;
end
$$;
revoke execute on function central.raise_operator_action_claim(bigint, text, integer) from public;
