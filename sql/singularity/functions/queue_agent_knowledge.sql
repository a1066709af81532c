-- Queues a summary of the agents whose knowledge is marked unsynced, and unmarks them; gives how many.
--
-- Many agents make several messages of at most 2,000 each, with the same totals and time: CentralCloud
-- sees one summary. An agent that CentralCloud would refuse spoils no summary: it is left out, and stays marked
-- with the reason. Never fails its caller: where the queue is missing or refuses, all stay marked.
--
-- updated_at is the version by which the last writer wins in the central store. It is always later than the
-- one before, also when the clock was set back. An application may write knowledge_synced_at: what lies more
-- than ten years ahead was no clock's, and does not count.
-- Locks: the marked agents, in the order of their ids (skip locked).
create or replace function public.queue_agent_knowledge()
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agent_ids text[];
  v_updated_at timestamptz := pg_catalog.clock_timestamp();
  v_messages jsonb[];
begin
  v_agent_ids := array(
    select a.agent_id from public.agents a
     where a.knowledge_unsynced
     order by a.agent_id
       for no key update skip locked
  );

  with judged as (
    select a.agent_id,
           case
             when pg_catalog.length(a.agent_id) > 512 then 'agent_id is longer than 512 characters'
             when a.pattern_count < 0 then 'pattern_count is negative'
           end as knowledge_error
      from public.agents a
     where a.agent_id = any (v_agent_ids)
  ),
  refused as (
    update public.agents a
       set knowledge_error = j.knowledge_error
      from judged j
     where a.agent_id = j.agent_id and j.knowledge_error is not null
       and a.knowledge_error is distinct from j.knowledge_error
  )
  select coalesce(pg_catalog.array_agg(j.agent_id order by j.agent_id), '{}')
    into v_agent_ids
    from judged j
   where j.knowledge_error is null;
  if pg_catalog.cardinality(v_agent_ids) = 0 then
    return 0;
  end if;

  select greatest(v_updated_at, max(a.knowledge_synced_at) + interval '1 microsecond')
    into v_updated_at
    from public.agents a
   where a.agent_id = any (v_agent_ids) and a.knowledge_synced_at < v_updated_at + interval '10 years';

  with known as (
    select a.agent_id, a.pattern_count, a.confidence,
           (pg_catalog.row_number() over (order by a.agent_id) - 1) / 2000 as part,
           count(*) over () as agents_updated,
           sum(a.pattern_count) over () as total_patterns
      from public.agents a
     where a.agent_id = any (v_agent_ids)
  ),
  message as (
    select k.part,
           pg_catalog.jsonb_build_object(
             'agents_updated', k.agents_updated,
             'total_patterns', k.total_patterns,
             'updated_at', v_updated_at,
             'agents', pg_catalog.jsonb_agg(
               pg_catalog.jsonb_build_object(
                 'agent_id', k.agent_id, 'pattern_count', k.pattern_count, 'confidence', k.confidence
               ) order by k.agent_id
             )
           ) as body
      from known k
     group by k.part, k.agents_updated, k.total_patterns
  )
  select pg_catalog.array_agg(m.body order by m.part) into v_messages from message m;

  begin
    perform from pgmq.send_batch(
      'agent-knowledge-updates',
      v_messages,
      public.message_headers('knowledge/1', pg_catalog.cardinality(v_messages))
    );
  exception when others then
    raise warning 'the summary of % agents could not be queued: %', pg_catalog.cardinality(v_agent_ids), sqlerrm;
    return 0;
  end;

  update public.agents a
     set knowledge_unsynced = false, knowledge_error = null, knowledge_synced_at = v_updated_at
   where a.agent_id = any (v_agent_ids);
  return pg_catalog.cardinality(v_agent_ids);
end
$$;
revoke execute on function public.queue_agent_knowledge() from public;
