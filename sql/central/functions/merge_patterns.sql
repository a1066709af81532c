-- Folds a batch of pattern messages into the central store: one call, one transaction.
--
-- p_messages is a JSON array of the messages as they were sent; its n-th element has the n-th id and
-- time. Numbers go from there straight into numeric or jsonb, so they keep every digit.
--
-- A number in place of an identifier is its shortest numeral, so that 7, 7.0 and 70e-1 name the same.
-- Exactly once: a message counts only if its ledger row is new, and both are committed together. Nearly
-- always all are new, so the ledger takes them with the cheapest insert that fails where one is not; only
-- then it is asked for each (that costs a rolled-back subtransaction), and the others go on.
-- Any order: sums, counts, least and greatest are commutative and associative; trim_scale makes equal
-- confidences the same numeric, and the sources of a pattern are kept sorted.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks, in this order, each in the order of its key, so that two batches never deadlock:
--   processed_messages, pattern_agents, patterns.
-- Each step reads only what the one before it returned, so no step starts before its turn.
-- No nested loops: a plan made for any number of messages would choose them, and take the square of it.
-- That plan is made once a session, at the first call: plans for the first calls' own numbers cost more
-- than they gain.
-- No compilation: it would take longer than the batch, and a nested loop that is needed all the same
-- (lateral) counts as so expensive that every call would be compiled.
create or replace function central.merge_patterns(
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
set plan_cache_mode = force_generic_plan
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
  v_fresh jsonb := p_messages;
  v_count integer;
begin
  if coalesce(pg_catalog.jsonb_array_length(p_messages), 0) <> coalesce(pg_catalog.cardinality(p_msg_ids), 0) then
    raise exception 'there are % ids for % messages',
      coalesce(pg_catalog.cardinality(p_msg_ids), 0), coalesce(pg_catalog.jsonb_array_length(p_messages), 0)
      using errcode = 'invalid_parameter_value';
  end if;

  begin
    insert into central.processed_messages (lane_id, msg_id, enqueued_at)
    select v_lane_id, m.msg_id, m.enqueued_at
      from rows from (
        pg_catalog.unnest(p_msg_ids),
        pg_catalog.unnest(p_enqueued_ats)
      ) as m (msg_id, enqueued_at)
     order by m.msg_id, m.enqueued_at;
    get diagnostics v_count = row_count;
  exception
    when unique_violation then
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
      )
      select count(*), coalesce(pg_catalog.jsonb_agg(m.body), '[]')
        into v_count, v_fresh
        from fresh f
        join message m using (msg_id, enqueued_at);
  end;

  with observation as materialized (
    select pg_catalog.sha256(pg_catalog.convert_to((m.body -> 'pattern')::text, 'UTF8')) as fingerprint,
           m.body -> 'pattern' as pattern,
           case pg_catalog.jsonb_typeof(m.body -> 'agent_id')
             when 'number' then pg_catalog.trim_scale((m.body -> 'agent_id')::numeric)::text
             else m.body ->> 'agent_id' end as agent_id,
           pg_catalog.trim_scale(coalesce((m.body ->> 'confidence')::numeric, 0.5)) as confidence,
           (m.body ->> 'learned_at')::timestamptz as learned_at
      from pg_catalog.jsonb_array_elements(v_fresh) as m (body)
  ),
  agent as materialized (
    select o.fingerprint, o.agent_id, count(*) as observation_count, max(o.learned_at) as last_learned_at
      from observation o
     group by o.fingerprint, o.agent_id
  ),
  merged_agent as (
    insert into central.pattern_agents as a
      (fingerprint, source_id, agent_id, observation_count, last_learned_at)
    select g.fingerprint, p_source_id, g.agent_id, g.observation_count, g.last_learned_at
      from agent g
     order by g.fingerprint, g.agent_id
    on conflict (fingerprint, source_id, agent_id) do update
      set observation_count = a.observation_count + excluded.observation_count,
          last_learned_at = greatest(a.last_learned_at, excluded.last_learned_at)
    returning a.fingerprint, a.agent_id, a.observation_count
  ),
  -- Counts are positive, so a row holds exactly this batch's count only if this batch made it. Every
  -- pattern is here, also without a new agent, so that patterns wait for all of pattern_agents.
  new_agent as (
    select m.fingerprint, count(g.fingerprint) as agent_count
      from merged_agent m
      left join agent g using (fingerprint, agent_id, observation_count)
     group by m.fingerprint
  )
  insert into central.patterns as p
    (fingerprint, pattern, observation_count, agent_count, source_count, source_ids,
     confidence_max, confidence_sum, first_learned_at, last_learned_at)
  select o.fingerprint, o.pattern, o.observation_count, n.agent_count, 1, array[p_source_id],
         o.confidence_max, o.confidence_sum, o.first_learned_at, o.last_learned_at
    from (
      select b.fingerprint,
             (pg_catalog.array_agg(b.pattern))[1] as pattern,
             count(*) as observation_count,
             max(b.confidence) as confidence_max,
             sum(b.confidence) as confidence_sum,
             min(b.learned_at) as first_learned_at,
             max(b.learned_at) as last_learned_at
        from observation b
       group by b.fingerprint
    ) o
    join new_agent n using (fingerprint)
   order by o.fingerprint
  on conflict (fingerprint) do update
    set observation_count = p.observation_count + excluded.observation_count,
        agent_count = p.agent_count + excluded.agent_count,
        source_count = p.source_count + (not p.source_ids @> excluded.source_ids)::integer,
        source_ids = case when p.source_ids @> excluded.source_ids then p.source_ids
                          else array(select s.id from pg_catalog.unnest(p.source_ids || excluded.source_ids) s (id)
                                      order by s.id) end,
        confidence_max = greatest(p.confidence_max, excluded.confidence_max),
        confidence_sum = p.confidence_sum + excluded.confidence_sum,
        first_learned_at = least(p.first_learned_at, excluded.first_learned_at),
        last_learned_at = greatest(p.last_learned_at, excluded.last_learned_at);

  merged := v_count;
  duplicates := coalesce(pg_catalog.cardinality(p_msg_ids), 0) - v_count;
  return next;
end
$$;
revoke execute on function central.merge_patterns(uuid, text, bigint[], timestamptz[], jsonb) from public;
