-- Moves tasks that were completed 90 days ago (created, where the completion has no time) to the archive.
--
-- Deleting and inserting are one statement: a task is always in exactly one of the two tables. A task
-- that comes back under the same id and time replaces its older copy. At most p_batch_size ×
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
  v_last_id bigint := 0;
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
        (id, agent_id, duration_ms, status, created_at, completed_at)
      select m.id, m.agent_id, m.duration_ms, m.status, m.created_at, m.completed_at
        from moved m
       order by m.id
      on conflict (id, created_at) do update
        set agent_id = excluded.agent_id,
            duration_ms = excluded.duration_ms,
            status = excluded.status,
            completed_at = excluded.completed_at,
            archived_at = excluded.archived_at
    )
    select count(*), coalesce(max(m.id), v_last_id) into v_count, v_last_id from moved m;
    v_total := v_total + v_count;
    exit when v_count < p_batch_size;
  end loop;
  return query select v_total;
end
$$;
revoke execute on function public.archive_completed_tasks(integer, integer) from public;
