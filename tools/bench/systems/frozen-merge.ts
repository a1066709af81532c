/**
 * The merge as it was in November 2026, with the tables that it writes, in a schema of its own: never to be changed.
 * What the ceiling costs then depends on nothing that we improve.
 */
export const frozenMerge = `
create schema frozen;

create table frozen.lanes (
  lane_id integer primary key generated always as identity,
  source_id uuid not null,
  queue text not null,
  unique (source_id, queue)
);
insert into frozen.lanes (source_id, queue)
select s.source_id, 'centralcloud-new-patterns' from public.singularity_source s;

create table frozen.processed_messages (
  lane_id integer not null,
  msg_id bigint not null,
  enqueued_at timestamptz not null,
  processed_at timestamptz not null default now(),
  primary key (lane_id, msg_id, enqueued_at)
);

create table frozen.patterns (
  fingerprint bytea primary key,
  pattern jsonb not null,
  observation_count bigint not null,
  agent_count integer not null default 0,
  source_count integer not null default 0,
  source_ids uuid[] not null default '{}',
  confidence_max numeric not null,
  confidence_sum numeric not null,
  confidence_mean numeric not null generated always as (confidence_sum / observation_count) stored,
  first_learned_at timestamptz not null,
  last_learned_at timestamptz not null,
  constraint pattern_is_an_object check (jsonb_typeof(pattern) = 'object'),
  constraint a_pattern_was_observed check (observation_count > 0),
  constraint confidence_is_a_probability check (confidence_max between 0 and 1),
  constraint first_comes_before_last check (first_learned_at <= last_learned_at),
  constraint sources_are_counted check (source_count = cardinality(source_ids))
);
create index patterns_consensus_idx on frozen.patterns (fingerprint) where source_count >= 3;

create table frozen.pattern_agents (
  fingerprint bytea not null,
  source_id uuid not null,
  agent_id text not null,
  observation_count bigint not null,
  last_learned_at timestamptz not null,
  primary key (fingerprint, source_id, agent_id),
  constraint a_pattern_was_observed check (observation_count > 0)
);

create function frozen.merge_patterns(
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
  v_lane_id constant integer := (
    select l.lane_id from frozen.lanes l where l.source_id = p_source_id and l.queue = p_queue);
  v_fresh jsonb := p_messages;
  v_count integer;
begin
  if coalesce(pg_catalog.jsonb_array_length(p_messages), 0) <> coalesce(pg_catalog.cardinality(p_msg_ids), 0) then
    raise exception 'there are % ids for % messages',
      coalesce(pg_catalog.cardinality(p_msg_ids), 0), coalesce(pg_catalog.jsonb_array_length(p_messages), 0)
      using errcode = 'invalid_parameter_value';
  end if;

  begin
    insert into frozen.processed_messages (lane_id, msg_id, enqueued_at)
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
        insert into frozen.processed_messages (lane_id, msg_id, enqueued_at)
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
    insert into frozen.pattern_agents as a
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
  insert into frozen.patterns as p
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
$$;`;
