-- How each job fares, from its runs alone, so that it reads the same whoever runs them. "Last" is the
-- last run that was not skipped; runner is who last ran the job unasked: pg_cron or scheduler.
-- Runs that are dated in the future, because the clock was set back, are left out as in job_times.
create or replace view public.scheduled_jobs_status as
select j.job_name,
       j.schedule,
       j.function_name,
       j.description,
       last.started_at as last_started_at,
       last.status as last_status,
       case when pg_catalog.isfinite(last.finished_at)
         then (extract(epoch from last.finished_at - last.started_at) * 1000)::double precision
       end as last_duration_ms,
       last.error as last_error,
       last.started_by as last_started_by,
       success.finished_at as last_success_at,
       today.run_count as run_count_24h,
       today.failure_count as failure_count_24h,
       today.skipped_count as skipped_count_24h,
       unasked.started_by as runner
  from public.scheduled_jobs j
  left join lateral (
    select r.started_at, r.finished_at, r.status, r.error, r.started_by
      from public.job_runs r
     where r.job_name = j.job_name and r.status <> 'skipped'
       and r.started_at > '-infinity' and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
     order by r.started_at desc
     limit 1
  ) last on true
  left join lateral (
    select r.finished_at
      from public.job_runs r
     where r.job_name = j.job_name and r.status = 'succeeded'
       and r.started_at > '-infinity' and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
       and r.finished_at > '-infinity' and r.finished_at < pg_catalog.statement_timestamp() + interval '1 minute'
     order by r.started_at desc
     limit 1
  ) success on true
  left join lateral (
    select r.started_by
      from public.job_runs r
     where r.job_name = j.job_name and r.started_by in ('pg_cron', 'scheduler')
       and r.started_at > '-infinity' and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
     order by r.started_at desc
     limit 1
  ) unasked on true
 cross join lateral (
    select count(*) filter (where r.status <> 'skipped') as run_count,
           count(*) filter (where r.status = 'failed') as failure_count,
           count(*) filter (where r.status = 'skipped') as skipped_count
      from public.job_runs r
     where r.job_name = j.job_name
       and r.started_at > pg_catalog.statement_timestamp() - interval '24 hours'
       and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
  ) today;
