-- One step of a run that an operator asked for, as run_job_step: its history says `operator`, and no schedule. p_run_id: the
-- run that goes on; null begins one.
-- With its owner's rights: operators may neither run jobs under another's name nor write to their history.
-- Locks: those of run_job_step.
create or replace function public.run_job_step_by_hand(p_job_name text, p_run_id bigint default null)
returns table (
  run_id bigint,
  status text,
  result jsonb,
  error text,
  started_at timestamptz,
  finished_at timestamptz,
  more boolean
)
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.run_id, s.status, s.result, s.error, s.started_at, s.finished_at, s.more
    from public.run_job_step(p_job_name, 'operator', p_run_id) s;
$$;
revoke execute on function public.run_job_step_by_hand(text, bigint) from public;
