-- Brings up to date what each agent knows, from the patterns of the last 24 hours, and queues a summary.
--
-- Of an agent's patterns, agents.known_patterns keeps the most confident: at most 100, and at most
-- 256 kB of them; pattern_count says how many there are in all. Agents that learned but were never
-- entered are entered. A pattern that is too deep to be kept among others is left out of known_patterns; an agent
-- that somebody has locked is left for the next run. Where the summary can't be queued, the agents stay marked, and the next sync
-- run queues it.
-- For update_agent_knowledge, which sees to it that one run follows the other.
-- Locks: the agents that learned, in the order of their ids (skip locked).
create or replace function public.sum_up_knowledge()
returns table (agents_updated integer, total_patterns integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agent_ids text[];
  v_agents_updated integer;
  v_total_patterns integer;
begin
  insert into public.agents (agent_id)
  select distinct p.agent_id
    from public.learned_patterns p
   where p.learned_at > pg_catalog.now() - interval '24 hours'
     -- An insert that meets a row which somebody is changing would wait for them.
     and not exists (select from public.agents a where a.agent_id = p.agent_id)
   order by p.agent_id
  on conflict (agent_id) do nothing;

  v_agent_ids := array(
    select a.agent_id
      from public.agents a
     where exists (
       select from public.learned_patterns p
        where p.agent_id = a.agent_id and p.learned_at > pg_catalog.now() - interval '24 hours'
     )
     order by a.agent_id
       for no key update skip locked
  );

  with recent as (
    select p.id, p.agent_id, p.confidence, p.learned_at
      from public.learned_patterns p
     where p.learned_at > pg_catalog.now() - interval '24 hours'
       and p.agent_id in (select u.agent_id from pg_catalog.unnest(v_agent_ids) u (agent_id))
  ),
  counted as (
    select r.agent_id,
           count(*)::integer as pattern_count,
           pg_catalog.trim_scale(pg_catalog.round(avg(r.confidence), 6)) as confidence
      from recent r
     group by r.agent_id
  ),
  -- Of the others, no pattern is looked at.
  chosen as (
    select n.id, n.agent_id, n.place
      from (
        select r.id, r.agent_id,
               pg_catalog.row_number() over (
                 partition by r.agent_id order by r.confidence desc, r.learned_at desc, r.id desc
               ) as place
          from recent r
      ) n
     where n.place <= 100
  ),
  sized as (
    -- What is large as it is stored is not unpacked: compressed, it may be 256 times as large.
    select c.agent_id, c.place, p.pattern, p.confidence, p.learned_at,
           case when pg_catalog.pg_column_size(p.pattern) <= 131072 then pg_catalog.octet_length(p.pattern::text)
                else 262145 end as size
      from chosen c
      join public.learned_patterns p using (id)
  ),
  ranked as (
    select z.*,
           pg_catalog.sum(z.size) filter (where z.size <= 262144) over (
             partition by z.agent_id order by z.place
           ) as total_size
      from sized z
  ),
  known as (
    select r.agent_id,
           pg_catalog.jsonb_agg(
             pg_catalog.jsonb_build_object(
               'pattern', r.pattern, 'confidence', r.confidence, 'learned_at', r.learned_at
             ) order by r.place
           ) filter (
             where r.size <= 262144 and r.total_size <= 262144
               -- Few levels fit into few characters.
               and case when r.size > 1000 then public.can_be_nested(r.pattern) else true end
           ) as known_patterns
      from ranked r
     group by r.agent_id
  ),
  knowledge as (
    select c.agent_id, c.pattern_count, c.confidence, coalesce(k.known_patterns, '[]') as known_patterns
      from counted c
      join known k using (agent_id)
  ),
  updated as (
    update public.agents a
       set known_patterns = k.known_patterns,
           pattern_count = k.pattern_count,
           confidence = k.confidence,
           knowledge_updated_at = pg_catalog.clock_timestamp(),
           knowledge_unsynced = true
      from knowledge k
     where a.agent_id = k.agent_id
    returning k.pattern_count
  )
  select count(*)::integer, coalesce(sum(u.pattern_count), 0)::integer
    into v_agents_updated, v_total_patterns
    from updated u;

  perform public.queue_agent_knowledge();
  return query select v_agents_updated, v_total_patterns;
end
$$;
revoke execute on function public.sum_up_knowledge() from public;
