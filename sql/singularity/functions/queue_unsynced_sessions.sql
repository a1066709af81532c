-- Seals and queues up to p_limit sessions that are marked unsynced.
-- Gives how many, and the range of their message ids (null where there are none). A session that can't
-- be sealed or queued stays marked, with the reason, and stops no other.
-- Locks: the taken rows of agent_sessions (skip locked).
create or replace function public.queue_unsynced_sessions(p_limit integer)
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  v_ids := array(
    select s.id from public.agent_sessions s
     where s.unsynced
     order by s.id
     limit p_limit
       for no key update skip locked
  );
  return query
  select count(q.msg_id)::integer, min(q.msg_id), max(q.msg_id)
    from pg_catalog.unnest(v_ids) as u (id)
   cross join lateral public.queue_agent_session(u.id) as q (msg_id);
end
$$;
revoke execute on function public.queue_unsynced_sessions(integer) from public;
