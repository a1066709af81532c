-- Folds a batch of pattern messages into the central store: one call, one transaction.
--
-- Either p_messages is a JSON array of the messages as they were sent, its n-th element with the n-th id and time; or
-- the consumer has taken them apart already: the n-th fingerprint, agent, confidence and time of each, and each pattern
-- once with its fingerprint (sha256 of its jsonb text). That is a third of the work here. It must do so only where it
-- knows what jsonb would make of each message; all else it sends as it is. Numbers go from there straight into numeric
-- or jsonb, so they keep every digit.
--
-- A number in place of an identifier is its shortest numeral, so that 7, 7.0 and 70e-1 name the same.
-- Exactly once: a message counts only if its ledger row is new, and both are committed together. Nearly
-- always all are new, so the ledger takes them with the cheapest insert that fails where one is not; only
-- then it is asked for each (that costs a rolled-back subtransaction), and the others go on. Of messages that were
-- taken apart nothing is merged then: `merged` is null, and the consumer sends them as they are.
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
  p_messages jsonb default null,
  p_fingerprints bytea[] default null,
  p_agent_ids text[] default null,
  p_confidences numeric[] default null,
  p_learned_ats timestamptz[] default null,
  p_pattern_fingerprints bytea[] default null,
  p_patterns jsonb[] default null
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
  v_count constant integer := coalesce(pg_catalog.cardinality(p_msg_ids), 0);
  v_given constant integer := coalesce(
    case when p_messages is null then pg_catalog.cardinality(p_fingerprints)
         else pg_catalog.jsonb_array_length(p_messages) end, 0);
  v_fresh jsonb := p_messages;
  v_fingerprints bytea[] := p_fingerprints;
  v_agent_ids text[] := p_agent_ids;
  v_confidences numeric[] := p_confidences;
  v_learned_ats timestamptz[] := p_learned_ats;
  v_pattern_fingerprints bytea[] := p_pattern_fingerprints;
  v_patterns jsonb[] := p_patterns;
begin
  if v_given <> v_count then
    raise exception 'there are % ids for % messages', v_count, v_given
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
    get diagnostics merged = row_count;
  exception
    when unique_violation then
      if p_messages is null then
        merged := null;
        return next;
        return;
      end if;
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
        into merged, v_fresh
        from fresh f
        join message m using (msg_id, enqueued_at);
  end;

  if p_messages is not null then
    with observation as materialized (
      select pg_catalog.sha256(pg_catalog.convert_to((m.body -> 'pattern')::text, 'UTF8')) as fingerprint,
             m.body -> 'pattern' as pattern,
             case pg_catalog.jsonb_typeof(m.body -> 'agent_id')
               when 'number' then pg_catalog.trim_scale((m.body -> 'agent_id')::numeric)::text
               else m.body ->> 'agent_id' end as agent_id,
             coalesce((m.body ->> 'confidence')::numeric, 0.5) as confidence,
             (m.body ->> 'learned_at')::timestamptz as learned_at
        from pg_catalog.jsonb_array_elements(v_fresh) as m (body)
    ),
    pattern as (
      select o.fingerprint, (pg_catalog.array_agg(o.pattern))[1] as pattern
        from observation o
       group by o.fingerprint
    )
    select o.*, p.*
      into v_fingerprints, v_agent_ids, v_confidences, v_learned_ats, v_pattern_fingerprints, v_patterns
      from (select pg_catalog.array_agg(b.fingerprint), pg_catalog.array_agg(b.agent_id),
                   pg_catalog.array_agg(b.confidence), pg_catalog.array_agg(b.learned_at)
              from observation b) o
     cross join (select pg_catalog.array_agg(b.fingerprint), pg_catalog.array_agg(b.pattern) from pattern b) p;
  end if;

  with observation as materialized (
    select m.fingerprint, m.agent_id, pg_catalog.trim_scale(m.confidence) as confidence, m.learned_at
      from rows from (
        pg_catalog.unnest(v_fingerprints),
        pg_catalog.unnest(v_agent_ids),
        pg_catalog.unnest(v_confidences),
        pg_catalog.unnest(v_learned_ats)
      ) as m (fingerprint, agent_id, confidence, learned_at)
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
  select o.fingerprint, d.pattern, o.observation_count, n.agent_count, 1, array[p_source_id],
         o.confidence_max, o.confidence_sum, o.first_learned_at, o.last_learned_at
    from (
      select b.fingerprint,
             count(*) as observation_count,
             max(b.confidence) as confidence_max,
             sum(b.confidence) as confidence_sum,
             min(b.learned_at) as first_learned_at,
             max(b.learned_at) as last_learned_at
        from observation b
       group by b.fingerprint
    ) o
    join new_agent n using (fingerprint)
    -- Left: a pattern that was not sent is refused by its column, and not left out.
    left join rows from (
      pg_catalog.unnest(v_pattern_fingerprints),
      pg_catalog.unnest(v_patterns)
    ) as d (fingerprint, pattern) using (fingerprint)
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

  duplicates := v_count - merged;
  return next;
end
$$;
revoke execute on function central.merge_patterns(
  uuid, text, bigint[], timestamptz[], jsonb, bytea[], text[], numeric[], timestamptz[], bytea[], jsonb[]) from public;
