-- One step of a sync: queues up to 10,000 patterns and 1,000 sessions that are not yet on their way to
-- CentralCloud, and the agents' knowledge, and records the batch; then marks earlier batches delivered whose
-- messages have all left their queues. `more` says that it took as many as it may and could queue some, so that
-- there may be others.
-- Locks: the taken rows of learned_patterns, then of agent_sessions (both skip locked), then agents
-- whose knowledge is marked, then queued rows of learning_sync_log.
create or replace function public.sync_next_learning()
returns table (batch_id text, pattern_count integer, more boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_batch_id text;
  v_patterns record;
  v_sessions record;
begin
  select * into v_patterns from public.queue_unsynced_patterns(10000);
  select * into v_sessions from public.queue_unsynced_sessions(1000);
  perform public.queue_agent_knowledge();

  if v_patterns.message_count + v_sessions.message_count > 0 then
    v_batch_id := public.gen_ulid();
    insert into public.learning_sync_log
      (batch_id, pattern_count, first_pattern_msg_id, last_pattern_msg_id,
       session_count, first_session_msg_id, last_session_msg_id)
    values
      (v_batch_id, v_patterns.message_count, v_patterns.first_msg_id, v_patterns.last_msg_id,
       v_sessions.message_count, v_sessions.first_msg_id, v_sessions.last_msg_id);
  end if;

  perform public.mark_delivered_batches();
  return query select v_batch_id, v_patterns.message_count, v_patterns.more or v_sessions.more;
end
$$;
revoke execute on function public.sync_next_learning() from public;
