-- Brings up to date what each agent knows, from the patterns of the last 24 hours, and queues a summary.
--
-- Of an agent's patterns, agents.known_patterns keeps the most confident: at most 100, and at most
-- 256 kB of them; pattern_count says how many there are in all. Agents that learned but were never
-- entered are entered. Where the summary can't be queued, the agents stay marked, and the next sync
-- run queues it.
-- With its owner's rights: a caller needs none on the queue.
-- Locks: an advisory lock, so that one run follows the other and later summaries are newer; then the
-- agents that learned, in the order of their ids.
create or replace function public.update_agent_knowledge()
returns table (agents_updated integer, total_patterns integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agents_updated integer;
  v_total_patterns integer;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('centralcloud.update_agent_knowledge'));

  insert into public.agents (agent_id)
  select distinct p.agent_id
    from public.learned_patterns p
   where p.learned_at > pg_catalog.now() - interval '24 hours'
   order by p.agent_id
  on conflict (agent_id) do nothing;

  perform from public.agents a
    where exists (
      select from public.learned_patterns p
       where p.agent_id = a.agent_id and p.learned_at > pg_catalog.now() - interval '24 hours'
    )
    order by a.agent_id
      for no key update;

  with ranked as (
    select p.agent_id, p.pattern, p.confidence, p.learned_at, p.id,
           pg_catalog.row_number() over most_confident as place,
           pg_catalog.sum(pg_catalog.octet_length(p.pattern::text)) over most_confident as size
      from public.learned_patterns p
     where p.learned_at > pg_catalog.now() - interval '24 hours'
    window most_confident as (
      partition by p.agent_id order by p.confidence desc, p.learned_at desc, p.id desc
    )
  ),
  knowledge as (
    select r.agent_id,
           count(*)::integer as pattern_count,
           pg_catalog.trim_scale(pg_catalog.round(avg(r.confidence), 6)) as confidence,
           coalesce(
             pg_catalog.jsonb_agg(
               pg_catalog.jsonb_build_object(
                 'pattern', r.pattern, 'confidence', r.confidence, 'learned_at', r.learned_at
               ) order by r.place
             ) filter (where r.place <= 100 and r.size <= 262144),
             '[]'
           ) as known_patterns
      from ranked r
     group by r.agent_id
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
revoke execute on function public.update_agent_knowledge() from public;
