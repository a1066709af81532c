-- Runs a scheduled job now and writes the run down: the same history, whoever starts it.
--
-- A job never overlaps itself: while one run of it goes on, in whatever session, another is 'skipped'.
-- A failure, a cancelled statement included, is undone, recorded as 'failed', and not raised. Only an
-- unknown name is an error. A run that dies with its connection leaves no row: it did nothing.
-- The result is an array of the rows that the function returned.
-- With its owner's rights, and so are the jobs: whoever runs them needs none of their own.
-- Locks: an advisory lock for the job until the end of the transaction; then what the function locks.
create or replace function public.run_job(p_job_name text, p_started_by text default session_user)
returns table (
  status text,
  result jsonb,
  error text,
  started_at timestamptz,
  finished_at timestamptz
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- "ccjb" in ASCII; with the hash of the name it makes an advisory lock key that nobody else uses.
  v_lock_class constant integer := 1667459682;
  v_started_at constant timestamptz := pg_catalog.clock_timestamp();
  v_function_name text;
  v_status text := 'succeeded';
  v_result jsonb;
  v_error text;
begin
  select j.function_name into v_function_name
    from public.scheduled_jobs j
   where j.job_name = p_job_name;
  if not found then
    raise exception 'there is no job %; the jobs are %', pg_catalog.quote_nullable(p_job_name),
      (select pg_catalog.string_agg(j.job_name, ', ' order by j.job_name) from public.scheduled_jobs j)
      using errcode = 'undefined_object';
  end if;

  if pg_catalog.pg_try_advisory_xact_lock(v_lock_class, pg_catalog.hashtext(p_job_name)) then
    begin
      execute pg_catalog.format(
        'select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)), ''[]'') '
        'from (select * from public.%I()) r',
        v_function_name
      ) into v_result;
    exception
      -- "others" leaves these two out.
      when others or query_canceled or assert_failure then
        v_status := 'failed';
        v_result := null;
        v_error := pg_catalog.format('%s (%s)', sqlerrm, sqlstate);
    end;
  else
    v_status := 'skipped';
  end if;

  return query
  insert into public.job_runs as r
    (job_name, status, result, error, started_by, started_at, finished_at)
  values (p_job_name, v_status, v_result, v_error, p_started_by, v_started_at,
          pg_catalog.clock_timestamp())
  returning r.status, r.result, r.error, r.started_at, r.finished_at;
end
$$;
revoke execute on function public.run_job(text, text) from public;
