-- Seals and queues up to p_limit sessions that are marked unsynced: those that have not failed before, then
-- those whose last failure is the oldest. So what fails each time keeps nobody waiting.
-- Gives how many, the range of their message ids (null where there are none), and whether there may be more.
-- A session that can't be sealed or queued stays marked, with the reason, and stops no other.
-- Locks: the taken rows of agent_sessions (skip locked).
create or replace function public.queue_unsynced_sessions(p_limit integer)
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint, more boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  v_ids := array(
    select s.id from public.agent_sessions s
     where s.unsynced
     order by s.sync_failed_at nulls first, s.id
     limit p_limit
       for no key update skip locked
  );
  return query
  select q.message_count, q.first_msg_id, q.last_msg_id,
         q.message_count > 0 and pg_catalog.cardinality(v_ids) >= p_limit
    from public.queue_agent_sessions(v_ids) q;
end
$$;
revoke execute on function public.queue_unsynced_sessions(integer) from public;
