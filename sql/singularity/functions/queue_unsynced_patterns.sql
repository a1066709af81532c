-- Queues up to p_limit learned patterns that are not on the queue yet, and as many as fit into memory together:
-- those that have not failed before, oldest first, then those whose last failure is the oldest. So what fails
-- each time keeps nobody waiting.
-- Gives how many were taken and how many queued, and the range of their message ids (null where there are none).
-- What can't be queued stays unsynced, with the reason.
-- Locks: the taken rows of learned_patterns (skip locked).
create or replace function public.queue_unsynced_patterns(p_limit integer)
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint, more boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_fit integer;
begin
  v_ids := array(
    select l.id from public.learned_patterns l
     where l.synced_at is null
     order by l.sync_failed_at nulls first, l.id
     limit p_limit
       for update skip locked
  );
  v_fit := public.count_that_fit('public.learned_patterns', 'pattern', v_ids);
  return query
  select q.message_count, q.first_msg_id, q.last_msg_id,
         q.message_count > 0 and (v_fit < pg_catalog.cardinality(v_ids) or pg_catalog.cardinality(v_ids) >= p_limit)
    from public.queue_patterns(v_ids[:v_fit]) q;
end
$$;
revoke execute on function public.queue_unsynced_patterns(integer) from public;
