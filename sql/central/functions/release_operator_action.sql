-- Lets a runner go of its action. p_verb: `finish` when everything was done, `fail` or `pause` with p_error where it
-- stopped, null to leave the state and let another runner go on. finished_at is set once the figures are final: of a
-- done action, and of one that was cancelled. Says the state that it has now; null where the runner does not have it.
-- With its owner's rights: operators may not write to the tables themselves; and only the login that claimed the action is
-- its runner, whose name anybody can read.
-- Locks: the action's row.
create or replace function central.release_operator_action(
  p_action_id bigint,
  p_runner text,
  p_verb text default null,
  p_error text default null
)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_action central.operator_actions;
  v_next text;
begin
  select a.* into v_action
    from central.operator_actions a
   where a.id = p_action_id and a.runner = p_runner
     and exists (select
                   from central.operator_action_events e
                  where e.action_id = a.id and e.event = 'claimed' and e.actor = p_runner and e.login = session_user)
     for update;
  if not found then
    return null;
  end if;
  -- One that was cancelled or paused meanwhile stays so, whatever its runner wanted.
  v_next := coalesce(central.next_action_state(v_action.state, p_verb), v_action.state);

  update central.operator_actions a
     set state = v_next,
         runner = null,
         lease_until = null,
         error = p_error,
         finished_at = case when v_next = 'done' or v_next = 'cancelled' and p_verb = 'finish'
                            then pg_catalog.clock_timestamp() end
   where a.id = p_action_id;

  if v_next <> v_action.state then
    insert into central.operator_action_events (action_id, event, actor, login, detail)
    values (p_action_id, v_next, p_runner, session_user,
            pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('error', p_error)));
  end if;
  return v_next;
end
$$;
revoke execute on function central.release_operator_action(bigint, text, text, text) from public;
