-- What decides when a job is due. declared_at is when the list of jobs was last changed: what would have
-- been due before it was not missed. last_started_at is that of any run, a skipped one too.
--
-- A clock that was set back leaves runs behind that are dated in the future. They say nothing of what is due
-- now: a run that is more than a minute ahead is left out, and a list that was changed in the future counts as
-- changed a day ago. The doctor tells of both. By the time of the statement, which an index can be asked for.
create or replace view public.job_times as
select j.job_name,
       j.schedule,
       case
         when o.applied_at > pg_catalog.statement_timestamp() + interval '1 minute'
           then pg_catalog.statement_timestamp() - interval '1 day'
         else o.applied_at
       end as declared_at,
       last.started_at as last_started_at,
       last.started_by as last_started_by,
       success.finished_at as last_success_at
  from public.scheduled_jobs j
  left join centralcloud_migrations.objects o on o.plane = 'singularity'
  left join lateral (
    select r.started_at, r.started_by
      from public.job_runs r
     where r.job_name = j.job_name
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
  ) success on true;
