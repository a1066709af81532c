-- Seals one session as it is now, queues it, and stamps the row. Gives the message's id, or null where
-- that was impossible: then the row is marked unsynced with the reason, and the next sync run tries again.
-- Never fails its caller because of sealing or queueing.
--
-- synced_at is the version by which the last writer wins in the central store. It is taken under the
-- row's lock (not the transaction's start), and is always later than the one before, also when the
-- clock was set back or stood still.
-- Locks: the row of agent_sessions, which it updates.
create or replace function public.queue_agent_session(p_id uuid)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_session public.agent_sessions;
  v_synced_at timestamptz;
  v_msg_id bigint;
begin
  select s.* into v_session from public.agent_sessions s where s.id = p_id for no key update;
  if not found then
    return null;
  end if;
  v_synced_at := greatest(pg_catalog.clock_timestamp(), v_session.last_synced_at + interval '1 microsecond');

  begin
    select s.msg_id into strict v_msg_id
      from pgmq.send(
        'agent-sessions',
        pg_catalog.jsonb_build_object(
          'agent_id', v_session.agent_id,
          'session_id', v_session.id,
          'sealed', public.seal_session_state(v_session.state),
          'confidence', v_session.confidence,
          'synced_at', v_synced_at,
          'ulid', public.gen_ulid()
        ),
        (public.message_headers('session/1', 1))[1]
      ) as s (msg_id);
  exception when others then
    update public.agent_sessions s
       set unsynced = true, sync_error = sqlerrm
     where s.id = p_id;
    return null;
  end;

  update public.agent_sessions s
     set unsynced = false, sync_error = null, last_synced_at = v_synced_at
   where s.id = p_id;
  return v_msg_id;
end
$$;
revoke execute on function public.queue_agent_session(uuid) from public;
