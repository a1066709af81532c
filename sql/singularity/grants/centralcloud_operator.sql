-- What an operator needs on a source: to see what a viewer sees, to run a job, to move dead letters and archived messages by
-- functions that count what they move, and to give the source a session key. Keys decide who can read the sessions that are
-- sealed from then on, so whoever is an operator must be trusted with that.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_operator') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_operator', 'public', 'usage') then
    grant usage on schema public to centralcloud_operator;
  end if;
  grant usage on schema pgmq to centralcloud_operator;
  grant select
     on public.singularity_source, public.job_times, public.scheduled_jobs_status, public.agent_performance_5min, public.job_runs,
        public.scheduled_jobs, public.operator_action_progress
     to centralcloud_operator;
  grant select (key_id, algorithm, public_key, active, created_at, retired_at, binds)
     on public.session_keys
     to centralcloud_operator;
  -- For the doctor: what could not be queued and why, durations that measure nothing, and what was migrated when.
  grant select (synced_at, sync_error) on public.learned_patterns to centralcloud_operator;
  grant select (unsynced, sync_error) on public.agent_sessions to centralcloud_operator;
  grant select (knowledge_unsynced, knowledge_error) on public.agents to centralcloud_operator;
  grant select (id, status, duration_ms, created_at) on public.agent_tasks to centralcloud_operator;
  grant usage on schema centralcloud_migrations to centralcloud_operator;
  grant select
     on centralcloud_migrations.comparisons, centralcloud_migrations.migrations, centralcloud_migrations.objects
     to centralcloud_operator;
  grant execute
     on function public.describe_session_messages(boolean, bigint[]), public.examine_captured_tables(text[], text[]),
                 public.find_session_messages(boolean, text, text, timestamptz, timestamptz, bigint, bigint, integer),
                 public.open_action_part(uuid, text, bigint, text, integer),
                 public.lock_action_part(uuid, text, text),
                 public.save_action_part(uuid, text, text, jsonb, timestamptz, bigint, integer),
                 public.close_action_part(uuid, text, text),
                 public.replay_dead_letters(uuid, text, text, bigint[], boolean[], jsonb),
                 public.discard_dead_letters(uuid, text, text, bigint[]),
                 public.restore_dead_letters(uuid, text, text, bigint[]),
                 public.requeue_archived_messages(uuid, text, text, timestamptz, timestamptz, timestamptz, bigint, integer),
                 public.add_session_key(text, text, bytea, boolean),
                 public.run_job_step_by_hand(text, bigint)
     to centralcloud_operator;
end
$$;
