-- Learns the given analysis results, and queues what was learned; those that are learned already are
-- left out. The caller has locked them.
--
-- What can't be learned is marked with its reason. Where the queue is missing or refuses, the caller's
-- transaction goes on: the patterns are learned all the same, unsynced, each with the reason.
-- Locks: rows of analysis_results in the order of their ids (the caller's already); rows it inserts.
create or replace function public.learn_analysis_results(p_ids bigint[])
returns table (patterns_learned integer, patterns_queued integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queueing boolean := true;
  v_sync_error text;
begin
  loop
    begin
      return query
      with judged as materialized (
        select r.id, r.agent_id, r.result, coalesce(r.confidence, 0.5) as confidence,
               case
                 when coalesce(r.agent_id, '') = '' then 'agent_id is missing'
                 when pg_catalog.length(r.agent_id) > 512 then 'agent_id is longer than 512 characters'
                 when r.result is null then 'result is missing'
                 when pg_catalog.jsonb_typeof(r.result) <> 'object' then 'result is not a JSON object'
                 when not coalesce(r.confidence, 0.5) between 0 and 1 then 'confidence is not between 0 and 1'
               end as learn_error
          from public.analysis_results r
         where r.id = any (p_ids) and r.learned is not true
      ),
      marked as (
        update public.analysis_results r
           set learned = j.learn_error is null,
               learned_at = case when j.learn_error is null then pg_catalog.clock_timestamp() end,
               learn_error = j.learn_error
          from judged j
         where r.id = j.id
      ),
      learned as (
        insert into public.learned_patterns as l (analysis_id, agent_id, pattern, confidence, synced_at, sync_error)
        select j.id, j.agent_id, j.result, j.confidence,
               case when v_queueing then pg_catalog.clock_timestamp() end, v_sync_error
          from judged j
         where j.learn_error is null
         order by j.id
        on conflict (analysis_id) do nothing
        returning l.id, l.agent_id, l.pattern, l.confidence, l.learned_at
      ),
      message as (
        select count(*)::integer as message_count,
               pg_catalog.array_agg(
                 public.pattern_message(l.agent_id, l.pattern, l.confidence, l.learned_at) order by l.id
               ) as messages
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
      select m.message_count, (select count(*)::integer from sent)
        from message m;
      return;
    exception when others then
      -- Once more without the queue; what fails then is not the queue's fault, and is the caller's to see.
      if not v_queueing then
        raise;
      end if;
      v_queueing := false;
      v_sync_error := sqlerrm;
    end;
  end loop;
end
$$;
revoke execute on function public.learn_analysis_results(bigint[]) from public;
