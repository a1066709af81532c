-- Runs a scheduled job, or the next step of a run of it, and writes it down: the same history, whoever
-- starts it.
--
-- A job that declares a step function does its work in steps, each in a transaction of its own: the caller
-- commits, and calls again with the run's id as long as `more` is true. That ends when a step leaves nothing
-- to do, or when the run is as old as the job allows. A run is one row of the history; it sums up its steps.
--
-- A job never overlaps itself: while a run or step of it goes on, in whatever session, another is 'skipped', and its
-- error says whose run that is; where it was the next step of a run, that run ends there, because somebody else goes on
-- with it. Two schedulers that both take themselves for the leader exclude each other by that, too.
-- A failure, a cancelled statement included, is undone, recorded as 'failed', and not raised. Only an
-- unknown name is an error. What dies with its connection leaves nothing of its last step.
-- The result is an array of the rows that the function returned.
-- With its owner's rights, and so are the jobs: whoever runs them needs none of their own.
-- Locks: the row of the run that goes on, and one of ours for the job (take_lock), until the end of the transaction;
-- then what the function locks. Whoever holds one of those is waited for ten seconds at most; then the run has failed,
-- and its error says who it was.
create or replace function public.run_job_step(
  p_job_name text,
  p_started_by text default session_user,
  p_run_id bigint default null
)
returns table (
  run_id bigint,
  status text,
  result jsonb,
  error text,
  started_at timestamptz,
  finished_at timestamptz,
  more boolean
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set lock_timeout = '10s'
as $$
declare
  v_started_at timestamptz := pg_catalog.clock_timestamp();
  v_job public.scheduled_jobs;
  v_run public.job_runs;
  v_status text := 'succeeded';
  v_result jsonb;
  v_error text;
  v_more boolean := false;
  v_holder text;
begin
  select j.* into v_job from public.scheduled_jobs j where j.job_name = p_job_name;
  if not found then
    raise exception 'there is no job %; the jobs are %', pg_catalog.quote_nullable(p_job_name),
      (select pg_catalog.string_agg(j.job_name, ', ' order by j.job_name) from public.scheduled_jobs j)
      using errcode = 'undefined_object';
  end if;
  select r.* into v_run
    from public.job_runs r
   where r.run_id = p_run_id and r.job_name = p_job_name and r.status = 'succeeded'
     for update;

  v_holder := public.take_lock('job ' || p_job_name);
  if v_holder is null then
    begin
      execute pg_catalog.format(
        'select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)), ''[]'') '
        'from (select * from public.%I()) r',
        coalesce(v_job.step_function_name, v_job.function_name)
      ) into v_result;
    exception
      -- "others" leaves these two out.
      when others or query_canceled or assert_failure then
        v_status := 'failed';
        v_result := null;
        v_error := pg_catalog.format('%s (%s)', sqlerrm, sqlstate);
        -- Where it does not say so itself.
        if sqlstate = '55P03' and sqlerrm !~ 'process \d' then
          v_error := v_error || ', held by ' || public.sessions_in_the_way();
        end if;
    end;
  else
    v_status := 'skipped';
    v_error := 'a run of it goes on: ' || v_holder;
  end if;

  if v_job.step_function_name is not null and v_status = 'succeeded' then
    v_more := v_result @> '[{"more": true}]'
      and pg_catalog.clock_timestamp() < coalesce(v_run.started_at, v_started_at) + v_job.longest_run;
    v_result := v_result #- '{0,more}';
  end if;

  if v_run.run_id is null then
    return query
    insert into public.job_runs as r
      (job_name, status, result, error, started_by, started_at, finished_at)
    values (p_job_name, v_status, v_result, v_error, p_started_by, v_started_at, pg_catalog.clock_timestamp())
    returning r.run_id, r.status, r.result, r.error, r.started_at, r.finished_at, v_more;
    return;
  end if;

  return query
  update public.job_runs r
     set status = case v_status when 'failed' then 'failed' else r.status end,
         result = case v_status when 'succeeded' then public.add_job_results(r.result, v_result) else r.result end,
         error = case v_status when 'failed' then v_error || '; what the run had done before stays done' end,
         finished_at = pg_catalog.clock_timestamp()
   where r.run_id = v_run.run_id
  returning r.run_id, r.status, r.result, r.error, r.started_at, r.finished_at, v_more;
end
$$;
revoke execute on function public.run_job_step(text, text, bigint) from public;
