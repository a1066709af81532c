-- What the job runner needs: to know where it is and what is due, and to run it. The jobs themselves run
-- with the rights of the owner of run_job_step.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_jobs') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_jobs', 'public', 'usage') then
    grant usage on schema public to centralcloud_jobs;
  end if;
  grant execute
     on function public.run_job(text, text), public.run_job_step(text, text, bigint), public.lead_schedules()
     to centralcloud_jobs;
  grant execute on procedure public.run_job_in_steps(text, text) to centralcloud_jobs;
  grant select on public.job_times, public.scheduled_jobs_status, public.singularity_source
     to centralcloud_jobs;
end
$$;
