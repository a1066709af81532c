-- Learns the given analysis results together, and queues what was learned. For learn_analysis_results.
--
-- The id of a row is no identity: it comes back where its sequence starts anew. Each learning has an
-- id of its own (learning_id), which the row and its pattern share. A row that an application has set
-- back to unlearned makes a second pattern only where it says something else than the first.
--
-- What can't be learned is marked with its reason, and stops no other: what fails together is tried by halves, until it
-- stands alone. What can be learned and not queued is learned, unsynced, with the reason. Whether an error is a row's
-- own is told by the error, or by three rows, chosen at random, that are tried alone: where one of them can be learned, it
-- is (p_is_certain: it was one of the caller's). Else it is raised, since the next row would meet it, too. What passes
-- (a lock that was waited for too long, a deadlock, a full disk, a stop) is always raised: it marks no row for good.
-- Locks: rows of analysis_results in the order of their ids (the caller's already); rows it inserts.
create or replace function public.learn_results_together(p_ids bigint[], p_is_certain boolean)
returns table (patterns_learned integer, patterns_queued integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count constant integer := pg_catalog.cardinality(p_ids);
  v_queueing boolean := true;
  v_pattern_ids bigint[];
  v_learned integer;
  v_queued integer;
  v_error text;
  v_rest bigint[] := p_ids;
  v_is_fault_of_row boolean;
  v_id bigint;
  v_one record;
begin
  loop
    begin
      with judged as materialized (
        select r.id, r.agent_id, r.result, coalesce(r.confidence, 0.5) as confidence,
               k.is_known,
               coalesce(k.learning_id, pg_catalog.gen_random_uuid()) as learning_id,
               case
                 when coalesce(r.agent_id, '') = '' then 'agent_id is missing'
                 when pg_catalog.length(r.agent_id) > 512 then 'agent_id is longer than 512 characters'
                 when r.result is null then 'result is missing'
                 when pg_catalog.jsonb_typeof(r.result) <> 'object' then 'result is not a JSON object'
                 when not coalesce(r.confidence, 0.5) between 0 and 1 then 'confidence is not between 0 and 1'
               end as learn_error
          from public.analysis_results r
          left join lateral (
            select l.learning_id, true as is_known
              from public.learned_patterns l
             where l.analysis_id = r.id
               -- What was learned before there were such ids has none: then it must be younger than the row.
               and (l.learning_id = r.learning_id
                    or r.learning_id is null and l.learning_id is null and l.learned_at >= r.created_at)
               and l.agent_id = r.agent_id and l.pattern = r.result
               and l.confidence = coalesce(r.confidence, 0.5)
             limit 1
          ) k on true
         where r.id = any (p_ids) and r.learned is not true
      ),
      marked as (
        update public.analysis_results r
           set learned = j.learn_error is null,
               learned_at = case when j.learn_error is null then pg_catalog.clock_timestamp() end,
               learn_error = j.learn_error,
               learning_id = case when j.learn_error is null then j.learning_id else r.learning_id end
          from judged j
         where r.id = j.id
      ),
      learned as (
        insert into public.learned_patterns as l
          (analysis_id, learning_id, agent_id, pattern, confidence, synced_at)
        select j.id, j.learning_id, j.agent_id, j.result, j.confidence,
               case when v_queueing then pg_catalog.clock_timestamp() end
          from judged j
         where j.learn_error is null and j.is_known is null
         order by j.id
        returning l.id, l.agent_id, l.pattern, l.confidence, l.learned_at
      ),
      message as (
        select count(*)::integer as message_count,
               pg_catalog.array_agg(l.id order by l.id) as pattern_ids,
               pg_catalog.array_agg(
                 public.pattern_message(l.agent_id, l.pattern, l.confidence, l.learned_at) order by l.id
               ) filter (where v_queueing) as messages
          from learned l
      ),
      sent as (
        select s.msg_id
          from message m
         cross join lateral pgmq.send_batch(
           'centralcloud-new-patterns', m.messages, public.message_headers('pattern/1', m.message_count)
         ) as s (msg_id)
         where v_queueing and m.message_count > 0
      )
      select m.message_count, (select count(*)::integer from sent), coalesce(m.pattern_ids, '{}')
        into v_learned, v_queued, v_pattern_ids
        from message m;
      if not v_queueing then
        select q.message_count into v_queued from public.queue_patterns(v_pattern_ids) q;
      end if;
      return query select v_learned, v_queued;
      return;
    exception when assert_failure or others then
      if not v_queueing then
        v_error := sqlerrm;
        v_learned := 0;
        v_queued := 0;
        if sqlstate in ('40P01', '53100', '55P03', '57014', '57P01', '57P02', '57P03', '58030') then
          raise;
        end if;
        v_is_fault_of_row := p_is_certain or public.is_fault_of_row(sqlstate, sqlerrm);
        if not v_is_fault_of_row and v_count > 1 then
          -- Rows that make a pattern: one that is marked, or known, tells nothing.
          for v_id in
            select r.id
              from public.analysis_results r
             where r.id = any (p_ids)
               and r.agent_id <> '' and pg_catalog.length(r.agent_id) <= 512
               and coalesce(r.confidence, 0.5) between 0 and 1
               and case when pg_catalog.pg_column_size(r.result) <= 1000
                        then pg_catalog.jsonb_typeof(r.result) = 'object' else r.result is not null end
             order by r.learning_id is not null, pg_catalog.random()
             limit 3
          loop
            begin
              select l.* into v_one from public.learn_results_together(array[v_id], false) l;
              v_is_fault_of_row := v_is_fault_of_row or v_one.patterns_learned > 0;
              v_rest := pg_catalog.array_remove(v_rest, v_id);
              v_learned := v_learned + v_one.patterns_learned;
              v_queued := v_queued + v_one.patterns_queued;
            exception when assert_failure or others then
              -- It meets what the others meet, or is to blame; another one, or the rest, tells.
              null;
            end;
          end loop;
        end if;
        if not v_is_fault_of_row then
          raise;
        end if;
        if v_count > 1 then
          return query
          select v_learned + coalesce(sum(l.patterns_learned), 0)::integer,
                 v_queued + coalesce(sum(l.patterns_queued), 0)::integer
            from (values (v_rest[:(pg_catalog.cardinality(v_rest) + 1) / 2]),
                         (v_rest[(pg_catalog.cardinality(v_rest) + 1) / 2 + 1:])) as h (ids)
           cross join lateral public.learn_results_together(h.ids, true) l
           where pg_catalog.cardinality(h.ids) > 0;
          return;
        end if;
        update public.analysis_results r
           set learned = false, learn_error = v_error
         where r.id = any (p_ids);
        return query select 0, 0;
        return;
      end if;
      -- Once more, learning first and queueing then.
      v_queueing := false;
    end;
  end loop;
end
$$;
revoke execute on function public.learn_results_together(bigint[], boolean) from public;
