-- Folds a batch of knowledge summaries into the central store: one call, one transaction.
--
-- p_messages is a JSON array of the messages as they were sent; its n-th element has the n-th id and time.
--
-- A summary is identified by its source and time; what each agent knows is the part of its latest
-- summary. Where two claim the same time, the greater values win, so that every order gives the same rows.
-- A number in place of an identifier is its shortest numeral, so that 7, 7.0 and 70e-1 name the same.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks: processed_messages by message, then agent_knowledge by agent, then knowledge_summaries by time
-- (PostgreSQL runs what the final select does not read from the last to the first).
-- No nested loops: a plan made for any number of messages would choose them, and take the square of it.
-- No compilation: it would take longer than the batch, and a nested loop that is needed all the same
-- (lateral) counts as so expensive that every call would be compiled.
create or replace function central.merge_knowledge(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_messages jsonb
)
returns table (merged integer, duplicates integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_nestloop = off
set jit = off
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
begin
  return query
  with message as materialized (
    -- A message that is in the batch twice counts once, here as in the ledger.
    select distinct on (m.msg_id, m.enqueued_at) m.msg_id, m.enqueued_at, m.body
      from rows from (
        pg_catalog.unnest(p_msg_ids),
        pg_catalog.unnest(p_enqueued_ats),
        pg_catalog.jsonb_array_elements(p_messages)
      ) as m (msg_id, enqueued_at, body)
     order by m.msg_id, m.enqueued_at
  ),
  fresh as (
    insert into central.processed_messages (lane_id, msg_id, enqueued_at)
    select v_lane_id, m.msg_id, m.enqueued_at
      from message m
     order by m.msg_id, m.enqueued_at
    on conflict do nothing
    returning msg_id, enqueued_at
  ),
  summary as materialized (
    select (m.body ->> 'updated_at')::timestamptz as updated_at,
           (m.body ->> 'agents_updated')::numeric::bigint as agents_updated,
           (m.body ->> 'total_patterns')::numeric::bigint as total_patterns,
           m.body -> 'agents' as agents
      from fresh f
      join message m using (msg_id, enqueued_at)
  ),
  merged_summary as (
    insert into central.knowledge_summaries as k (source_id, updated_at, agents_updated, total_patterns)
    select distinct on (s.updated_at) p_source_id, s.updated_at, s.agents_updated, s.total_patterns
      from summary s
     order by s.updated_at, s.agents_updated desc, s.total_patterns desc
    on conflict (source_id, updated_at) do update
      set agents_updated = excluded.agents_updated,
          total_patterns = excluded.total_patterns
      where (excluded.agents_updated, excluded.total_patterns) > (k.agents_updated, k.total_patterns)
  ),
  agent as (
    select case pg_catalog.jsonb_typeof(e.agent -> 'agent_id')
             when 'number' then pg_catalog.trim_scale((e.agent -> 'agent_id')::numeric)::text
             else e.agent ->> 'agent_id' end as agent_id,
           (e.agent ->> 'pattern_count')::numeric::bigint as pattern_count,
           pg_catalog.trim_scale(coalesce((e.agent ->> 'confidence')::numeric, 0.5)) as confidence,
           s.updated_at
      from summary s
     cross join lateral pg_catalog.jsonb_array_elements(nullif(s.agents, 'null')) as e (agent)
  ),
  merged_agent as (
    insert into central.agent_knowledge as k (source_id, agent_id, pattern_count, confidence, updated_at)
    select distinct on (a.agent_id) p_source_id, a.agent_id, a.pattern_count, a.confidence, a.updated_at
      from agent a
     order by a.agent_id, a.updated_at desc, a.pattern_count desc, a.confidence desc
    on conflict (source_id, agent_id) do update
      set pattern_count = excluded.pattern_count,
          confidence = excluded.confidence,
          updated_at = excluded.updated_at
      where (excluded.updated_at, excluded.pattern_count, excluded.confidence)
          > (k.updated_at, k.pattern_count, k.confidence)
  )
  select count(*)::integer,
         coalesce(pg_catalog.cardinality(p_msg_ids), 0) - count(*)::integer
    from fresh;
end
$$;
revoke execute on function central.merge_knowledge(uuid, text, bigint[], timestamptz[], jsonb) from public;
