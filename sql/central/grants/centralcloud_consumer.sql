-- The consumer writes through functions only: the merges run with their owner's rights, so that a source's
-- messages get into the store in no other way. What is in the store it may read.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_consumer') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_consumer;
  grant execute
     on function central.register_source(uuid, text),
                 central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.claim_source(uuid, text, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.confirm_sources(uuid, jsonb),
                 central.doubt_epoch(uuid, bigint),
                 central.confirm_epoch(uuid, bigint, jsonb, text[]),
                 central.claim_archive_check(uuid, text, uuid),
                 central.find_missing_messages(uuid, text, bigint[], timestamptz[]),
                 central.report_archive_check(uuid, text, uuid, bigint, timestamptz, timestamptz, timestamptz, integer,
                                              boolean, boolean, text),
                 central.merge_patterns(uuid, text, bigint[], timestamptz[], jsonb, bytea[], text[], numeric[], timestamptz[],
                                        bytea[], jsonb[]),
                 central.merge_sessions(uuid, text, bigint[], timestamptz[], jsonb),
                 central.merge_knowledge(uuid, text, bigint[], timestamptz[], jsonb),
                 central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[]),
                 central.record_failures(uuid, text, uuid, bigint[], timestamptz[], text[], text[]),
                 central.forget_failures(uuid, text, bigint[], timestamptz[]),
                 central.prune_ledger(uuid, text, bigint, interval, integer),
                 central.report_consumer(uuid, text, text, jsonb, boolean),
                 central.report_readiness(uuid, jsonb),
                 central.retire_consumer(uuid)
     to centralcloud_consumer;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.patterns, central.pattern_agents,
        central.agent_sessions, central.agent_knowledge, central.knowledge_summaries,
        central.consensus_patterns, central.consumers, central.epochs, central.archive_checks
     to centralcloud_consumer;
end
$$;
