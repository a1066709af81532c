-- Gives an action to a runner for p_lease, by this database's clock, where it waits for one: it is planned, its runner
-- has let go of it or has not been heard of for the whole of its lease, or it was cancelled and its figures are not
-- final. A runner that has it gets it again, by the login that claimed it: anybody can read its name. The lease is an hour at most.
-- No row: there is no such action. is_claimed: whether it is the runner's now; else state, runner and lease_until say why.
-- claim_number counts the claims of the action: by it, its sources refuse a runner that has lost it to a later one.
-- With its owner's rights: operators may not write to the table themselves.
-- Locks: the action's row.
create or replace function central.claim_operator_action(p_action_id bigint, p_runner text, p_lease interval)
returns table (is_claimed boolean, state text, runner text, lease_until timestamptz, claim_number integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_action central.operator_actions;
  v_next text;
begin
  select a.* into v_action from central.operator_actions a where a.id = p_action_id for update;
  if not found then
    return;
  end if;
  v_next := central.next_action_state(v_action.state, 'start');
  -- One without a login is of a build that could not go on with it.
  if v_next is null
     or v_action.login is null
     or v_action.finished_at is not null
     or v_action.lease_until > pg_catalog.clock_timestamp()
        and not (v_action.runner is not distinct from p_runner
                 and exists (select
                               from central.operator_action_events e
                              where e.action_id = p_action_id and e.event = 'claimed' and e.actor = p_runner
                                and e.login = session_user)) then
    return query select false, v_action.state,
                        case when v_action.lease_until > pg_catalog.clock_timestamp() then v_action.runner end,
                        v_action.lease_until, v_action.claim_count;
    return;
  end if;

  update central.operator_actions a
     set state = v_next,
         runner = p_runner,
         lease_until = pg_catalog.clock_timestamp() + least(p_lease, interval '1 hour'),
         claim_count = a.claim_count + 1,
         error = null
   where a.id = p_action_id
  returning a.* into v_action;

  insert into central.operator_action_events (action_id, event, actor, login, detail)
  values (p_action_id, 'claimed', p_runner, session_user, '{}');

  return query select true, v_action.state, v_action.runner, v_action.lease_until, v_action.claim_count;
end
$$;
revoke execute on function central.claim_operator_action(bigint, text, interval) from public;
