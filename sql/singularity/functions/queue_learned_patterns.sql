-- Puts learned patterns on the queue for CentralCloud, marks them synced, and says how many.
--
-- Never fails its caller: where the queue is missing or refuses, the patterns stay unsynced, each with
-- the reason, and 0 is returned. Patterns that are already synced are left out, so it may run twice.
-- Locks: the given rows of learned_patterns, in the order of their ids.
create or replace function public.queue_learned_patterns(p_ids bigint[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_ids bigint[];
  v_messages jsonb[];
  v_headers jsonb[];
begin
  select pg_catalog.array_agg(p.id order by p.id),
         pg_catalog.array_agg(
           pg_catalog.jsonb_build_object(
             'agent_id', p.agent_id,
             'pattern', p.pattern,
             'confidence', p.confidence,
             'learned_at', p.learned_at,
             'source', 'singularity-learning'
           ) order by p.id
         ),
         pg_catalog.array_agg(pg_catalog.jsonb_build_object('schema', 'pattern/1') order by p.id)
    into v_ids, v_messages, v_headers
    from (
      select l.* from public.learned_patterns l
       where l.id = any (p_ids) and l.synced_at is null
       order by l.id
         for update
    ) p;

  if v_ids is null then
    return 0;
  end if;

  begin
    perform pgmq.send_batch('centralcloud-new-patterns', v_messages, v_headers);
  exception when others then
    update public.learned_patterns l
       set sync_error = sqlerrm
     where l.id = any (v_ids);
    return 0;
  end;

  update public.learned_patterns l
     set synced_at = pg_catalog.clock_timestamp(), sync_error = null
   where l.id = any (v_ids);
  return pg_catalog.cardinality(v_ids);
end
$$;
