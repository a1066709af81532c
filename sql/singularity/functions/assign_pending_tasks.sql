-- Gives waiting tasks to active agents that have room: the most urgent first, then the oldest.
--
-- An agent has room for its capacity less the tasks that it has, and takes at most 10 a call. A task
-- that names an agent waits for that one; one that names none goes to any agent, evenly. The result
-- counts what was assigned, and to how many agents.
-- Two callers never overfill an agent nor assign a task twice: each skips the agents and the tasks that
-- the other has locked.
-- Locks: the active agents in the order of their ids, then the chosen tasks in the order of theirs
-- (both skip locked).
create or replace function public.assign_pending_tasks()
returns table (tasks_assigned integer, agents_assigned integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agent_ids text[];
begin
  v_agent_ids := array(
    select a.agent_id from public.agents a
     where a.status = 'active' and a.capacity > 0
     order by a.agent_id
       for no key update skip locked
  );

  -- A new statement, so that it counts what callers before us have assigned and committed.
  return query
  with room as (
    select a.agent_id, least(10, a.capacity - count(t.id))::integer as places
      from public.agents a
      left join public.pending_tasks t on t.assigned_to = a.agent_id and t.status = 'assigned'
     where a.agent_id = any (v_agent_ids)
     group by a.agent_id, a.capacity
    having a.capacity > count(t.id)
  ),
  own as (
    select r.agent_id, w.id, w.priority, w.created_at,
           pg_catalog.row_number() over (
             partition by r.agent_id order by w.priority desc, w.created_at, w.id
           ) as place
      from room r
     cross join lateral (
       select p.id, p.priority, p.created_at
         from public.pending_tasks p
        where p.status = 'pending' and p.agent_id = r.agent_id
        order by p.priority desc, p.created_at, p.id
        limit r.places
     ) w
  ),
  -- Each place of each agent, with the agent's own task for it, if there is one. Numbered from the
  -- place that is easiest to have: free ones, evenly over the agents, then the least urgent task's.
  place as (
    select r.agent_id, o.id, o.priority, o.created_at,
           pg_catalog.row_number() over (
             order by o.priority nulls first, o.created_at desc, o.id desc, p.place, r.agent_id
           ) as turn
      from room r
     cross join lateral pg_catalog.generate_series(1, r.places) as p (place)
      left join own o on o.agent_id = r.agent_id and o.place = p.place
  ),
  anybodys as (
    select w.id, w.priority, w.created_at,
           pg_catalog.row_number() over (order by w.priority desc, w.created_at, w.id) as turn
      from (
        select p.id, p.priority, p.created_at
          from public.pending_tasks p
         where p.status = 'pending' and p.agent_id is null
         order by p.priority desc, p.created_at, p.id
         limit (select sum(r.places) from room r)
      ) w
  ),
  -- The most urgent of anybody's tasks meets the easiest place, and has it where it comes before the
  -- agent's own task; as one list falls and the other rises, the most urgent tasks of all are chosen.
  choice as (
    select p.agent_id,
           case
             when p.id is null then a.id
             when a.priority > p.priority
               or (a.priority = p.priority and (a.created_at, a.id) < (p.created_at, p.id)) then a.id
             else p.id
           end as id
      from place p
      left join anybodys a using (turn)
  ),
  chosen as (
    select t.id, c.agent_id
      from choice c
      join public.pending_tasks t using (id)
     where t.status = 'pending'
     order by t.id
       for update of t skip locked
  ),
  assigned as (
    update public.pending_tasks t
       set status = 'assigned', assigned_to = c.agent_id, assigned_at = pg_catalog.clock_timestamp()
      from chosen c
     where t.id = c.id
    returning t.assigned_to
  )
  select count(*)::integer, count(distinct x.assigned_to)::integer
    from assigned x;
end
$$;
revoke execute on function public.assign_pending_tasks() from public;
