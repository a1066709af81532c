-- An operator pauses, resumes or cancels an action, or gives it another rate; its runner obeys before its next chunk.
-- p_verb: `pause`, `resume`, `cancel`, `rate` (p_rate null: as fast as it goes). What is so already stays so.
-- No row: there is no such action. is_done: whether the action is as asked for; else its state says why not.
-- is_running: whether a runner has it. Needs no source, and works from anywhere.
-- With its owner's rights: operators may not write to the tables themselves.
-- Idempotent. Locks: the action's row.
create or replace function central.control_operator_action(
  p_action_id bigint,
  p_verb text,
  p_actor text,
  p_rate double precision default null,
  p_reason text default null
)
returns table (is_done boolean, is_changed boolean, state text, is_running boolean)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_action central.operator_actions;
  v_wanted text;
  v_is_changed boolean;
begin
  if p_verb not in ('pause', 'resume', 'cancel', 'rate') then
    raise exception 'an operator can''t % an action', p_verb using errcode = 'invalid_parameter_value';
  end if;
  select a.* into v_action from central.operator_actions a where a.id = p_action_id for update;
  if not found then
    return;
  end if;
  v_wanted := case p_verb
                when 'pause' then 'paused'
                when 'resume' then 'running'
                when 'cancel' then 'cancelled'
                else v_action.state
              end;
  -- A planned action is begun by whoever resumes it.
  if v_action.state <> v_wanted
     and coalesce(central.next_action_state(v_action.state, p_verb),
                  case when p_verb = 'resume' then central.next_action_state(v_action.state, 'start') end)
           is distinct from v_wanted
     or p_verb = 'rate' and v_action.state in ('done', 'cancelled')
     -- One of a build that did not make them durable: nobody could go on with it.
     or p_verb = 'resume' and v_action.login is null then
    return query select false, false, v_action.state, v_action.lease_until > pg_catalog.clock_timestamp();
    return;
  end if;

  v_is_changed := v_action.state <> v_wanted or p_verb = 'rate' and v_action.rate is distinct from p_rate;
  update central.operator_actions a
     set state = v_wanted,
         rate = case when p_verb = 'rate' then p_rate else a.rate end,
         error = case when p_verb = 'resume' then null else a.error end,
         -- Who goes on after a stop has seen the fate of the first ones.
         canary_state = case when p_verb = 'resume' and a.canary_state = 'stopped' then 'passed'
                             else a.canary_state end,
         finished_at = case when v_wanted = 'cancelled' and v_action.state = 'planned' and a.lease_until is null
                            then pg_catalog.clock_timestamp() else a.finished_at end
   where a.id = p_action_id
  returning a.* into v_action;

  if v_is_changed then
    insert into central.operator_action_events (action_id, event, actor, login, detail)
    values (p_action_id,
            case p_verb when 'pause' then 'paused' when 'resume' then 'resumed'
                        when 'cancel' then 'cancelled' else 'rate' end,
            p_actor, session_user,
            pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('rate', p_rate, 'reason', p_reason)));
  end if;
  return query select true, v_is_changed, v_action.state,
                      coalesce(v_action.lease_until > pg_catalog.clock_timestamp(), false);
end
$$;
revoke execute on function central.control_operator_action(bigint, text, text, double precision, text) from public;
