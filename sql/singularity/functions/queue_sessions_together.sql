-- Seals up to 1,000 sessions as they are now, queues them by one call, and stamps the rows by one update; gives how
-- many, and the range of their message ids (null where there are none).
--
-- One that can't be a message stops no other: what fails together is tried by halves, until it stands alone and is
-- marked unsynced with the reason. Where no key is active, or the queue is missing or refuses, all are marked: that is
-- told from a session's own fault by the error, or by two of them, chosen at random, that are tried alone.
-- Never fails its caller because of that, nor because a session can't be marked.
--
-- synced_at is the version by which the last writer wins in the central store. It is taken under the
-- row's lock (not the transaction's start), and is always later than the one before, also when the
-- clock was set back or stood still. An application may write last_synced_at: what lies more than ten years
-- ahead was no clock's, and does not count.
-- Locks: the rows of agent_sessions, which it updates.
create or replace function public.queue_sessions_together(p_ids uuid[])
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_agent_ids text[];
  v_states jsonb[];
  v_confidences numeric[];
  v_versions timestamptz[];
  v_seals jsonb[];
  v_headers jsonb[];
  v_messages jsonb[] := array[]::jsonb[];
  v_error text;
  v_rest uuid[] := p_ids;
  v_is_fault_of_row boolean;
  v_id uuid;
  v_sent record;
begin
  begin
    select pg_catalog.array_agg(s.id), pg_catalog.array_agg(s.agent_id), pg_catalog.array_agg(s.state),
           pg_catalog.array_agg(s.confidence),
           pg_catalog.array_agg(
             case when s.last_synced_at < c.now + interval '10 years'
                  then greatest(c.now, s.last_synced_at + interval '1 microsecond')
                  else c.now end)
      into v_ids, v_agent_ids, v_states, v_confidences, v_versions
      from (select s.* from public.agent_sessions s where s.id = any (p_ids) for no key update) s
     cross join lateral (select pg_catalog.clock_timestamp() as now) c;
    message_count := coalesce(pg_catalog.cardinality(v_ids), 0);
    if message_count = 0 then
      return next;
      return;
    end if;

    v_seals := public.seal_session_states(v_agent_ids, v_ids::text[], v_versions, v_states);
    v_headers := public.message_headers('session/1', message_count);
    for v_place in 1..message_count loop
      v_messages[v_place] := pg_catalog.jsonb_build_object(
        'agent_id', v_agent_ids[v_place],
        'session_id', v_ids[v_place],
        'sealed', v_seals[v_place],
        'confidence', v_confidences[v_place],
        'synced_at', v_versions[v_place],
        'ulid', v_headers[v_place] -> 'message_id'
      );
    end loop;

    -- Most statements change one session, and for one this is faster.
    if message_count = 1 then
      -- With a time: without one, pgmq calls this through a function in SQL, which is planned in each statement.
      first_msg_id := (
        select s.msg_id
          from pgmq.send('agent-sessions', v_messages[1], v_headers[1], pg_catalog.clock_timestamp()) as s (msg_id));
      last_msg_id := first_msg_id;
      update public.agent_sessions s
         set unsynced = false, sync_error = null, sync_failed_at = null, last_synced_at = v_versions[1]
       where s.id = v_ids[1];
      return next;
      return;
    end if;

    select min(s.msg_id), max(s.msg_id)
      into first_msg_id, last_msg_id
      from pgmq.send_batch('agent-sessions', v_messages, v_headers) as s (msg_id);
    update public.agent_sessions s
       set unsynced = false, sync_error = null, sync_failed_at = null, last_synced_at = v.version
      from rows from (pg_catalog.unnest(v_ids), pg_catalog.unnest(v_versions)) as v (id, version)
     where s.id = v.id;
    return next;
    return;
  exception when assert_failure or others then
    v_error := sqlerrm;
    message_count := 0;
    first_msg_id := null;
    last_msg_id := null;
    if pg_catalog.cardinality(p_ids) > 1 then
      v_is_fault_of_row := public.is_fault_of_row(sqlstate, sqlerrm);
      if not v_is_fault_of_row then
        for v_id in select i.id from pg_catalog.unnest(p_ids) as i (id) order by pg_catalog.random() limit 2 loop
          select q.* into v_sent from public.queue_sessions_together(array[v_id]) q;
          if v_sent.message_count > 0 then
            v_is_fault_of_row := true;
            v_rest := pg_catalog.array_remove(v_rest, v_id);
            message_count := message_count + v_sent.message_count;
            first_msg_id := least(first_msg_id, v_sent.first_msg_id);
            last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
          end if;
        end loop;
      end if;
      if v_is_fault_of_row then
        select sum(q.message_count)::integer as message_count, min(q.first_msg_id) as first_msg_id,
               max(q.last_msg_id) as last_msg_id
          into v_sent
          from (values (v_rest[:(pg_catalog.cardinality(v_rest) + 1) / 2]),
                       (v_rest[(pg_catalog.cardinality(v_rest) + 1) / 2 + 1:])) as h (ids)
         cross join lateral public.queue_sessions_together(h.ids) q;
        message_count := message_count + v_sent.message_count;
        first_msg_id := least(first_msg_id, v_sent.first_msg_id);
        last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
        return next;
        return;
      end if;
    end if;
  end;

  begin
    update public.agent_sessions s
       set unsynced = true, sync_error = v_error, sync_failed_at = pg_catalog.clock_timestamp()
     where s.id = any (p_ids);
  exception when assert_failure or others then
    -- A trigger of the application refuses the mark. For each by itself, so that it keeps no other from being marked.
    foreach v_id in array p_ids loop
      begin
        update public.agent_sessions s
           set unsynced = true, sync_error = v_error, sync_failed_at = pg_catalog.clock_timestamp()
         where s.id = v_id;
      exception when assert_failure or others then
        raise warning 'session % could neither be queued nor marked as unsynced (%)', v_id, sqlstate;
      end;
    end loop;
  end;
  return query select 0, null::bigint, null::bigint;
end
$$;
revoke execute on function public.queue_sessions_together(uuid[]) from public;
