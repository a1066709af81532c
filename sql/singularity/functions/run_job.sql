-- Runs a scheduled job now, in the caller's transaction, and writes the run down: see run_job_step. Of a job
-- that works in steps this is one; `call run_job_in_steps(…)` does them all.
-- With its owner's rights, and so are the jobs: whoever runs them needs none of their own.
-- Locks: see run_job_step.
create or replace function public.run_job(p_job_name text, p_started_by text default session_user)
returns table (
  status text,
  result jsonb,
  error text,
  started_at timestamptz,
  finished_at timestamptz
)
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.status, s.result, s.error, s.started_at, s.finished_at
    from public.run_job_step(p_job_name, p_started_by) s;
$$;
revoke execute on function public.run_job(text, text) from public;
