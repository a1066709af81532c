-- Notes where the next chunk of a part begins: its cursor, its pass, and what the kind of action counts besides. What was
-- moved is counted by what moved it, in the same transaction.
-- With its owner's rights: operators may not write to the table themselves.
-- Locks: the part's row, which lock_action_part has locked.
create or replace function public.save_action_part(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_detail jsonb,
  p_cursor_at timestamptz,
  p_cursor_id bigint,
  p_pass_number integer
)
returns setof public.operator_action_progress
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  update public.operator_action_progress p
     set detail = p_detail,
         cursor_at = p_cursor_at,
         cursor_id = p_cursor_id,
         pass_number = p_pass_number,
         updated_at = pg_catalog.clock_timestamp()
   where p.action_key = p_action_key and p.queue = p_queue and p.runner = p_runner and p.login = session_user
  returning p.*;
$$;
revoke execute on function public.save_action_part(uuid, text, text, jsonb, timestamptz, bigint, integer) from public;
