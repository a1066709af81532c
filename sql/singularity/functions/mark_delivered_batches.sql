-- Marks the batches delivered whose messages have all left their queues; gives how many.
-- A message leaves its queue when CentralCloud has merged it, or has dead-lettered it. A batch and its
-- messages have the time of one transaction: a message with an id of the batch and another time is a
-- message of a queue that was made anew.
-- Locks: the marked rows of learning_sync_log (skip locked).
create or replace function public.mark_delivered_batches()
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  -- A queue that is missing holds nothing back, and nothing is known of it: its batches wait.
  if pg_catalog.to_regclass('pgmq."q_centralcloud-new-patterns"') is null
     or pg_catalog.to_regclass('pgmq."q_agent-sessions"') is null then
    return 0;
  end if;
  execute $query$
    with open as (
      select b.batch_id, b.created_at, b.first_pattern_msg_id, b.last_pattern_msg_id,
             b.first_session_msg_id, b.last_session_msg_id
        from public.learning_sync_log b
       where b.status = 'queued'
       order by b.batch_id
         for no key update skip locked
    )
    update public.learning_sync_log b
       set status = 'delivered', delivered_at = pg_catalog.clock_timestamp()
      from open o
     where b.batch_id = o.batch_id
       and not exists (
         select from pgmq."q_centralcloud-new-patterns" q
          where q.msg_id between o.first_pattern_msg_id and o.last_pattern_msg_id
            and q.enqueued_at = o.created_at)
       and not exists (
         select from pgmq."q_agent-sessions" q
          where q.msg_id between o.first_session_msg_id and o.last_session_msg_id
            and q.enqueued_at = o.created_at)
  $query$;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
revoke execute on function public.mark_delivered_batches() from public;
