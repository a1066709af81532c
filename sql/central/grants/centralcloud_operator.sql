-- What an operator needs of the central store: to see what a viewer sees, and to plan, run and control actions by functions
-- that write down who did it. The record itself is only added to: an operator may neither change nor remove a line of it.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_operator') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_operator;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.pruned_ranges, central.patterns,
        central.pattern_agents, central.consensus_patterns, central.agent_knowledge, central.knowledge_summaries,
        central.delivery_failures, central.change_log, central.capture_cursors, central.consumers, central.epochs,
        central.archive_watermarks, central.archive_checks, central.operator_actions, central.operator_action_parts,
        central.operator_action_events, central.session_key_usage
     to centralcloud_operator;
  grant select (source_id, session_id, agent_id, confidence, ulid, synced_at) on central.agent_sessions to centralcloud_operator;
  grant usage on schema centralcloud_migrations to centralcloud_operator;
  grant select
     on centralcloud_migrations.comparisons, centralcloud_migrations.migrations, centralcloud_migrations.objects
     to centralcloud_operator;
  grant execute
     on function central.doubt_epoch(uuid, bigint),
                 central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[]),
                 central.plan_operator_action(text, text, text, jsonb, jsonb, text, text, double precision, integer, text),
                 central.claim_operator_action(bigint, text, interval),
                 central.raise_operator_action_claim(bigint, text, integer),
                 central.report_operator_action(bigint, text, interval, jsonb, text),
                 central.release_operator_action(bigint, text, text, text),
                 central.control_operator_action(bigint, text, text, double precision, text),
                 central.adopt_source(uuid, text, text, bigint, integer, timestamptz, text, text, text)
     to centralcloud_operator;
end
$$;
