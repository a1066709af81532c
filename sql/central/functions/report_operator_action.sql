-- Copies the figures that sources have told of an action's parts, and extends the lease of its runner; says what the
-- runner is to do now. No row: another runner has it, or nobody. Figures are whole, never increments, so saying them
-- twice says them once.
-- p_parts: [{source_id, queue, moved, merged, refused, remaining, detail, cursor_at, cursor_id, started_at, ended_at}].
-- With its owner's rights: operators may not write to the tables themselves; and only the login that claimed the action is
-- its runner, whose name anybody can read.
-- Idempotent. Locks: the action's row, then its parts'.
create or replace function central.report_operator_action(
  p_action_id bigint,
  p_runner text,
  p_lease interval,
  p_parts jsonb default '[]',
  p_canary_state text default null
)
returns table (state text, rate double precision, canary_state text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_action central.operator_actions;
begin
  select a.* into v_action
    from central.operator_actions a
   where a.id = p_action_id and a.runner = p_runner
     and exists (select
                   from central.operator_action_events e
                  where e.action_id = a.id and e.event = 'claimed' and e.actor = p_runner and e.login = session_user)
     for update;
  if not found then
    return;
  end if;

  update central.operator_action_parts p
     set moved_count = (f.part ->> 'moved')::bigint,
         merged_count = (f.part ->> 'merged')::bigint,
         refused_count = (f.part ->> 'refused')::bigint,
         remaining_count = (f.part ->> 'remaining')::bigint,
         detail = coalesce(f.part -> 'detail', '{}'),
         cursor_at = (f.part ->> 'cursor_at')::timestamptz,
         cursor_id = (f.part ->> 'cursor_id')::bigint,
         started_at = (f.part ->> 'started_at')::timestamptz,
         ended_at = (f.part ->> 'ended_at')::timestamptz
    from pg_catalog.jsonb_array_elements(p_parts) f (part)
   where p.action_id = p_action_id
     and p.source_id = (f.part ->> 'source_id')::uuid
     and p.queue = f.part ->> 'queue';

  if p_canary_state is distinct from v_action.canary_state and p_canary_state is not null then
    insert into central.operator_action_events (action_id, event, actor, login, detail)
    values (p_action_id, 'canary', p_runner, session_user, pg_catalog.jsonb_build_object('state', p_canary_state));
  end if;

  update central.operator_actions a
     set message_count = (select least(coalesce(pg_catalog.sum(p.moved_count), 0), 2147483647)
                            from central.operator_action_parts p where p.action_id = a.id),
         lease_until = pg_catalog.clock_timestamp() + p_lease,
         canary_state = coalesce(p_canary_state, a.canary_state)
   where a.id = p_action_id
  returning a.* into v_action;

  return query select v_action.state, v_action.rate, v_action.canary_state;
end
$$;
revoke execute on function central.report_operator_action(bigint, text, interval, jsonb, text) from public;
