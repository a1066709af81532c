-- The captured tables, for whoever captures changes. The columns of agent_sessions are named, so that
-- neither its state nor a column of the future is among them.
-- This covers what SQL reads. The write-ahead log has every column: what a slot gives of agent_sessions is
-- decided by the column list of its publication.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_auditor', 'public', 'usage') then
    grant usage on schema public to centralcloud_auditor;
  end if;
  grant select
     on public.singularity_source, public.agents, public.analysis_results, public.learned_patterns,
        public.pending_tasks, public.agent_tasks, public.learning_sync_log
     to centralcloud_auditor;
  grant select (id, agent_id, confidence, created_at, last_synced_at, unsynced, sync_error)
     on public.agent_sessions
     to centralcloud_auditor;
  grant execute
     on function public.examine_captured_tables(text[], text[]), public.publish_for_capture(text[], text[], boolean),
                 public.end_publication(), public.begin_slot()
     to centralcloud_auditor;
end
$$;
