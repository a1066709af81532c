-- Queues a summary of the agents whose knowledge is marked unsynced, and unmarks them; gives how many.
--
-- Many agents make several messages of at most 2,000 each, with the same totals and time: CentralCloud
-- sees one summary. Never fails its caller: where the queue is missing or refuses, they stay marked.
-- Locks: the marked agents, in the order of their ids.
create or replace function public.queue_agent_knowledge()
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agent_ids text[];
  v_messages jsonb[];
begin
  v_agent_ids := array(
    select a.agent_id from public.agents a
     where a.knowledge_unsynced
     order by a.agent_id
       for no key update
  );
  if pg_catalog.cardinality(v_agent_ids) = 0 then
    return 0;
  end if;

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
             'updated_at', t.now,
             'agents', pg_catalog.jsonb_agg(
               pg_catalog.jsonb_build_object(
                 'agent_id', k.agent_id, 'pattern_count', k.pattern_count, 'confidence', k.confidence
               ) order by k.agent_id
             )
           ) as body
      from known k
     cross join (select pg_catalog.clock_timestamp() as now offset 0) t
     group by k.part, k.agents_updated, k.total_patterns, t.now
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
     set knowledge_unsynced = false
   where a.agent_id = any (v_agent_ids);
  return pg_catalog.cardinality(v_agent_ids);
end
$$;
revoke execute on function public.queue_agent_knowledge() from public;
