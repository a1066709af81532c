-- What a viewer sees of a source beside its queues, which create_queue grants one by one: which source it is, how its jobs
-- fare, which public keys it has, and how far the actions of operators are. Not what applications wrote, and no state of a
-- session; of keys not what data keys are made of.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_viewer') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_viewer', 'public', 'usage') then
    grant usage on schema public to centralcloud_viewer;
  end if;
  grant usage on schema pgmq to centralcloud_viewer;
  grant select
     on public.singularity_source, public.job_times, public.scheduled_jobs_status, public.job_runs,
        public.scheduled_jobs, public.operator_action_progress
     to centralcloud_viewer;
  grant select (key_id, algorithm, public_key, active, created_at, retired_at, binds)
     on public.session_keys
     to centralcloud_viewer;
  grant execute
     on function public.describe_session_messages(boolean, bigint[]), public.examine_captured_tables(text[], text[]),
                 public.find_session_messages(boolean, text, text, timestamptz, timestamptz, bigint, bigint, integer)
     to centralcloud_viewer;
end
$$;
