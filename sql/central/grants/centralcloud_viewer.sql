-- What a viewer sees of the central store: everything but the states of sessions, plain or sealed, and what tells two of
-- them apart. Columns are named, so that none of the future is among them.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_viewer') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_viewer;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.pruned_ranges, central.patterns,
        central.pattern_agents, central.consensus_patterns, central.agent_knowledge, central.knowledge_summaries,
        central.delivery_failures, central.change_log, central.capture_cursors, central.consumers, central.epochs,
        central.archive_watermarks, central.archive_checks, central.operator_actions, central.operator_action_parts,
        central.operator_action_events, central.session_key_usage
     to centralcloud_viewer;
  grant select (source_id, session_id, agent_id, confidence, ulid, synced_at) on central.agent_sessions to centralcloud_viewer;
  grant execute
     on function central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[])
     to centralcloud_viewer;
end
$$;
