-- Removes job runs after 30 days. At most p_limit a call; the next one goes on. May run any number of times.
-- pg_cron's own log is cleared by a job of pg_cron: see packages/scheduler/src/pg-cron.
-- Locks: the removed rows, in the order of their ids.
create or replace function public.cleanup_job_runs(p_limit integer default 100000)
returns table (rows_removed integer)
language sql
set search_path = pg_catalog, pg_temp
as $$
  with old as materialized (
    select r.run_id
      from public.job_runs r
     where r.started_at < pg_catalog.now() - interval '30 days'
     order by r.run_id
     limit p_limit
       for update skip locked
  ),
  removed as (
    delete from public.job_runs r
     using old
     where r.run_id = old.run_id
    returning 1
  )
  select count(*)::integer from removed;
$$;
revoke execute on function public.cleanup_job_runs(integer) from public;
