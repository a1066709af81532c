-- Seals sessions as they are now, queues them, and stamps the rows; gives how many, and the range of their message
-- ids (null where there are none). As many together as a data key seals, and as fit into memory.
--
-- What can't be sealed or queued is marked unsynced with the reason, and the next sync run tries again.
-- Never fails its caller because of sealing or queueing.
-- Locks: the rows of agent_sessions, which it updates.
create or replace function public.queue_agent_sessions(p_ids uuid[])
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_most constant integer := 1000;
  v_rest uuid[] := p_ids;
  v_count integer;
  v_sent record;
begin
  message_count := 0;
  loop
    v_count := least(pg_catalog.cardinality(v_rest), v_most);
    exit when v_count = 0;
    if v_count > 1 then
      begin
        v_count := public.count_that_fit('public.agent_sessions', 'state', v_rest[:v_count]);
      exception when others then
        v_count := 1;
      end;
    end if;
    select q.* into v_sent from public.queue_sessions_together(v_rest[:v_count]) q;
    message_count := message_count + v_sent.message_count;
    first_msg_id := least(first_msg_id, v_sent.first_msg_id);
    last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
    v_rest := v_rest[v_count + 1:];
  end loop;
  return next;
end
$$;
revoke execute on function public.queue_agent_sessions(uuid[]) from public;
