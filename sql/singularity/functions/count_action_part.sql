-- Adds to the figures of a part of an operator's action, and gives the action's id. Called by the functions that move
-- messages, before they do, and with what they have moved: so nothing moves without a part that the login has open.
-- Locks: the part's row.
create or replace function public.count_action_part(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_moved bigint default 0,
  p_merged bigint default 0
)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_action_id bigint;
begin
  update public.operator_action_progress p
     set moved_count = p.moved_count + p_moved,
         merged_count = p.merged_count + p_merged,
         updated_at = pg_catalog.clock_timestamp()
   where p.action_key = p_action_key and p.queue = p_queue and p.runner = p_runner and p.login = session_user and p.closed_at is null
  returning p.action_id into v_action_id;
  if not found then
    raise exception 'no open part of an action has queue % and runner %', p_queue, p_runner
      using errcode = 'invalid_parameter_value', hint = 'public.open_action_part opens one.';
  end if;
  return v_action_id;
end
$$;
revoke execute on function public.count_action_part(uuid, text, text, bigint, bigint) from public;
