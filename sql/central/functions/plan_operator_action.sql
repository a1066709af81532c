-- Enters what an operator is about to do, before its first change: who, what, why, and each queue of each source with
-- its bounds and how many messages it has now. One with an idempotency key that is known already is that one again.
-- p_parts: [{source_id, source_name, queue, selection, expected}].
-- With its owner's rights: operators may not write to the tables themselves, so that they can't change the record.
-- Idempotent by p_idempotency_key. Locks: none but those of its inserts.
create or replace function central.plan_operator_action(
  p_action text,
  p_actor text,
  p_reason text,
  p_selection jsonb,
  p_parts jsonb,
  p_os_user text default null,
  p_channel text default null,
  p_rate double precision default null,
  p_canary_count integer default null,
  p_idempotency_key text default null
)
returns table (action_id bigint, action_key uuid, is_new boolean)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_id bigint;
  v_key uuid;
  v_same boolean;
begin
  insert into central.operator_actions as a
    (actor, action, reason, selection, message_count, state, login, os_user, channel, rate, canary_count,
     canary_state, idempotency_key, expected_count)
  values
    (p_actor, p_action, p_reason, p_selection, 0, 'planned', session_user, p_os_user, p_channel, p_rate,
     p_canary_count, case when p_canary_count is not null then 'sending' end, p_idempotency_key,
     (select pg_catalog.sum((p.part ->> 'expected')::bigint)
        from pg_catalog.jsonb_array_elements(p_parts) p (part)))
  on conflict (idempotency_key) do nothing
  returning a.id, a.action_key into v_id, v_key;

  if v_id is null then
    select a.id, a.action_key, a.action = p_action and a.reason = p_reason
      into v_id, v_key, v_same
      from central.operator_actions a
     where a.idempotency_key = p_idempotency_key;
    if v_same is not true then
      raise exception 'the idempotency key is that of action %, which is another one', v_id
        using errcode = 'unique_violation';
    end if;
    return query select v_id, v_key, false;
    return;
  end if;

  insert into central.operator_action_parts
    (action_id, source_id, source_name, queue, selection, expected_count, moved_count, merged_count,
     refused_count, detail)
  select v_id, (p.part ->> 'source_id')::uuid, p.part ->> 'source_name', p.part ->> 'queue', p.part -> 'selection',
         (p.part ->> 'expected')::bigint, 0, 0, 0, '{}'
    from pg_catalog.jsonb_array_elements(p_parts) p (part);

  insert into central.operator_action_events (action_id, event, actor, login, detail)
  values (v_id, 'planned', p_actor, session_user, '{}');

  return query select v_id, v_key, true;
end
$$;
revoke execute on function central.plan_operator_action(
  text, text, text, jsonb, jsonb, text, text, double precision, integer, text) from public;
