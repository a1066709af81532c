-- Queues up to p_limit learned patterns that are not on the queue yet, oldest first.
-- Gives how many, and the range of their message ids (null where there are none). Where the queue is
-- missing or refuses, they stay unsynced, each with the reason, and the count is 0.
-- Locks: the taken rows of learned_patterns (skip locked).
create or replace function public.queue_unsynced_patterns(p_limit integer)
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_messages jsonb[];
begin
  v_ids := array(
    select l.id from public.learned_patterns l
     where l.synced_at is null
     order by l.id
     limit p_limit
       for update skip locked
  );
  if pg_catalog.cardinality(v_ids) = 0 then
    return query select 0, null::bigint, null::bigint;
    return;
  end if;

  select pg_catalog.array_agg(
           public.pattern_message(l.agent_id, l.pattern, l.confidence, l.learned_at) order by l.id)
    into v_messages
    from public.learned_patterns l
   where l.id = any (v_ids);

  begin
    return query
    select count(*)::integer, min(s.msg_id), max(s.msg_id)
      from pgmq.send_batch(
        'centralcloud-new-patterns',
        v_messages,
        public.message_headers('pattern/1', pg_catalog.cardinality(v_messages))
      ) as s (msg_id);
  exception when others then
    update public.learned_patterns l set sync_error = sqlerrm where l.id = any (v_ids);
    return query select 0, null::bigint, null::bigint;
    return;
  end;

  update public.learned_patterns l
     set synced_at = pg_catalog.clock_timestamp(), sync_error = null
   where l.id = any (v_ids);
end
$$;
revoke execute on function public.queue_unsynced_patterns(integer) from public;
