-- Queues learned patterns, in the order given, and marks them; gives how many, and the range of their message
-- ids (null where there are none).
--
-- One that can't be a message (too deep, too large) stops no other: what fails together is tried by halves,
-- until it stands alone and is marked with the reason. Where the queue is missing or refuses, all are marked: that is
-- told from a pattern's own fault by the error, or by two of them, chosen at random, that are tried alone (and are sent
-- before the others). Never fails its caller because of that. The caller has locked the rows, or has just inserted them.
-- Locks: the rows of learned_patterns, which it updates.
create or replace function public.queue_patterns(p_ids bigint[])
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count constant integer := pg_catalog.cardinality(p_ids);
  v_sent record;
  v_error text;
  v_rest bigint[] := p_ids;
  v_is_fault_of_row boolean;
  v_id bigint;
begin
  if v_count = 0 then
    return query select 0, null::bigint, null::bigint;
    return;
  end if;

  begin
    select count(*)::integer as message_count, min(s.msg_id) as first_msg_id, max(s.msg_id) as last_msg_id
      into v_sent
      from (
        select pg_catalog.array_agg(
                 public.pattern_message(l.agent_id, l.pattern, l.confidence, l.learned_at) order by i.place
               ) as messages
          from pg_catalog.unnest(p_ids) with ordinality as i (id, place)
          join public.learned_patterns l on l.id = i.id
      ) m
     cross join lateral pgmq.send_batch(
       'centralcloud-new-patterns', m.messages, public.message_headers('pattern/1', v_count)
     ) as s (msg_id);

    update public.learned_patterns l
       set synced_at = pg_catalog.clock_timestamp(), sync_error = null, sync_failed_at = null
     where l.id = any (p_ids);
    return query select v_sent.message_count, v_sent.first_msg_id, v_sent.last_msg_id;
    return;
  exception when assert_failure or others then
    v_error := sqlerrm;
    message_count := 0;
    first_msg_id := null;
    last_msg_id := null;
    if v_count > 1 then
      v_is_fault_of_row := public.is_fault_of_row(sqlstate, sqlerrm);
      if not v_is_fault_of_row then
        for v_id in select i.id from pg_catalog.unnest(p_ids) as i (id) order by pg_catalog.random() limit 2 loop
          select q.* into v_sent from public.queue_patterns(array[v_id]) q;
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
        select coalesce(sum(q.message_count), 0)::integer as message_count, min(q.first_msg_id) as first_msg_id,
               max(q.last_msg_id) as last_msg_id
          into v_sent
          from (values (1, v_rest[:(pg_catalog.cardinality(v_rest) + 1) / 2]),
                       (2, v_rest[(pg_catalog.cardinality(v_rest) + 1) / 2 + 1:])) as h (place, ids)
         cross join lateral public.queue_patterns(h.ids) q;
        message_count := message_count + v_sent.message_count;
        first_msg_id := least(first_msg_id, v_sent.first_msg_id);
        last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
        return next;
        return;
      end if;
    end if;
  end;

  update public.learned_patterns l
     set sync_error = v_error, sync_failed_at = pg_catalog.clock_timestamp()
   where l.id = any (p_ids);
  return next;
end
$$;
revoke execute on function public.queue_patterns(bigint[]) from public;
