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
     on public.singularity_source, public.job_times, public.scheduled_jobs_status, public.agent_performance_5min, public.job_runs,
        public.scheduled_jobs, public.operator_action_progress
     to centralcloud_viewer;
  grant select (key_id, algorithm, public_key, active, created_at, retired_at, binds)
     on public.session_keys
     to centralcloud_viewer;
  -- For the doctor: what could not be queued and why, durations that measure nothing, and what was migrated when.
  grant select (synced_at, sync_error) on public.learned_patterns to centralcloud_viewer;
  grant select (unsynced, sync_error) on public.agent_sessions to centralcloud_viewer;
  grant select (knowledge_unsynced, knowledge_error) on public.agents to centralcloud_viewer;
  grant select (id, status, duration_ms, created_at) on public.agent_tasks to centralcloud_viewer;
  grant usage on schema centralcloud_migrations to centralcloud_viewer;
  grant select
     on centralcloud_migrations.comparisons, centralcloud_migrations.migrations, centralcloud_migrations.objects
     to centralcloud_viewer;
  grant execute
     on function public.describe_session_messages(boolean, bigint[]), public.examine_captured_tables(text[], text[]),
                 public.find_session_messages(boolean, text, text, timestamptz, timestamptz, bigint, bigint, integer)
     to centralcloud_viewer;
end
$$;
