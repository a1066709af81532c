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
                 central.merge_patterns(uuid, text, bigint[], timestamptz[], jsonb),
                 central.merge_sessions(uuid, text, bigint[], timestamptz[], jsonb),
                 central.merge_knowledge(uuid, text, bigint[], timestamptz[], jsonb)
     to centralcloud_consumer;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.patterns, central.pattern_sources,
        central.pattern_agents, central.agent_sessions, central.agent_knowledge, central.knowledge_summaries,
        central.consensus_patterns
     to centralcloud_consumer;
end
$$;
