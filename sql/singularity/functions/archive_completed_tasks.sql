-- Moves tasks that were completed 90 days ago (created, where the completion has no time) to the archive.
--
-- Deleting and inserting are one statement: a task is always in exactly one of the two tables. A task
-- that is in the archive already, the same in every column, is not entered twice. One that has only its
-- id and time in common with another is another task: ids come back where their sequence starts anew,
-- and applications may give the time. At most p_batch_size ×
-- p_max_batches a call; the next one goes on. May run any number of times.
-- Locks: the moved rows of agent_tasks, in the order of their ids; those that somebody else has locked stay.
create or replace function public.archive_completed_tasks(
  p_batch_size integer default 10000,
  p_max_batches integer default 1000
)
returns table (tasks_archived integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before constant timestamptz := pg_catalog.now() - interval '90 days';
  -- Below every id: an application may have given negative ones.
  v_last_id bigint := -9223372036854775808;
  v_count integer;
  v_total integer := 0;
begin
  for v_batch in 1..p_max_batches loop
    with old as materialized (
      select t.id, t.created_at
        from public.agent_tasks t
       where t.id > v_last_id
         and t.status = 'completed'
         and coalesce(t.completed_at, t.created_at) < v_before
       order by t.id
       limit p_batch_size
         for update skip locked
    ),
    moved as (
      delete from public.agent_tasks t
       using old
       where t.id = old.id and t.created_at = old.created_at
      returning t.id, t.agent_id, t.duration_ms, t.status, t.created_at, t.completed_at
    ),
    archived as (
      insert into public.agent_tasks_archive
        (id, agent_id, duration_ms, status, created_at, completed_at, archived_at)
      select m.id, m.agent_id, m.duration_ms, m.status, m.created_at, m.completed_at, pg_catalog.clock_timestamp()
        from moved m
       where not exists (
         select from public.agent_tasks_archive a
          where a.id = m.id and a.created_at = m.created_at
            and (a.agent_id, a.duration_ms, a.status, a.completed_at)
                is not distinct from (m.agent_id, m.duration_ms, m.status, m.completed_at))
       order by m.id
    )
    select count(*), coalesce(max(m.id), v_last_id) into v_count, v_last_id from moved m;
    v_total := v_total + v_count;
    exit when v_count < p_batch_size;
  end loop;
  return query select v_total;
end
$$;
revoke execute on function public.archive_completed_tasks(integer, integer) from public;
