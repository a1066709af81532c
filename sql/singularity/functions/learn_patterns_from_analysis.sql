-- Learns patterns from analysis results, oldest first, and queues them for CentralCloud.
--
-- Learning, marking and queueing are one transaction. Two callers never learn a row twice: each locks
-- the rows it takes and skips what the other has (for update skip locked). A row that can't be learned
-- is marked with its reason and stops nobody. Where queueing fails, what was learned stays learned and
-- unsynced, and the next sync run queues it.
-- Locks: the taken rows of analysis_results; then only rows that it inserts.
create or replace function public.learn_patterns_from_analysis(p_limit integer default 1000)
returns table (patterns_learned integer, patterns_queued integer)
language plpgsql
set search_path = ''
as $$
declare
  v_learned_ids bigint[];
begin
  with taken as materialized (
    select r.id, r.agent_id, r.result, coalesce(r.confidence, 0.5) as confidence,
           case
             when coalesce(r.agent_id, '') = '' then 'agent_id is missing'
             when r.result is null then 'result is missing'
             when pg_catalog.jsonb_typeof(r.result) <> 'object' then 'result is not a JSON object'
             when not coalesce(r.confidence, 0.5) between 0 and 1 then 'confidence is not between 0 and 1'
           end as learn_error
      from public.analysis_results r
     where r.learned is not true and r.learn_error is null
     order by r.created_at, r.id
     limit p_limit
       for update skip locked
  ),
  marked as (
    update public.analysis_results r
       set learned = t.learn_error is null,
           learned_at = case when t.learn_error is null then pg_catalog.clock_timestamp() end,
           learn_error = t.learn_error
      from taken t
     where r.id = t.id
  ),
  learned as (
    insert into public.learned_patterns (analysis_id, agent_id, pattern, confidence)
    select t.id, t.agent_id, t.result, t.confidence
      from taken t
     where t.learn_error is null
     order by t.id
    on conflict (analysis_id) do nothing
    returning id
  )
  select coalesce(pg_catalog.array_agg(l.id order by l.id), '{}') into v_learned_ids from learned l;

  return query
  select pg_catalog.cardinality(v_learned_ids), public.queue_learned_patterns(v_learned_ids);
end
$$;
