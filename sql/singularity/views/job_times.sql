-- What decides when a job is due. declared_at is when the list of jobs was last changed: what would have
-- been due before it was not missed. last_started_at is that of any run, a skipped one too.
create or replace view public.job_times as
select j.job_name,
       j.schedule,
       o.applied_at as declared_at,
       last.started_at as last_started_at,
       last.started_by as last_started_by,
       success.finished_at as last_success_at
  from public.scheduled_jobs j
  left join centralcloud_migrations.objects o on o.plane = 'singularity'
  left join lateral (
    select r.started_at, r.started_by
      from public.job_runs r
     where r.job_name = j.job_name
     order by r.started_at desc nulls last
     limit 1
  ) last on true
  left join lateral (
    select r.finished_at
      from public.job_runs r
     where r.job_name = j.job_name and r.status = 'succeeded'
     order by r.started_at desc nulls last
     limit 1
  ) success on true;
