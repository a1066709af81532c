-- What an application needs: the tables that are its own, what was learned, and the procedures made for
-- applications. Those that touch queues or keys run with their owner's rights, because the application
-- may see neither. ULIDs are for everybody: those functions read nothing.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_application') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_application', 'public', 'usage') then
    grant usage on schema public to centralcloud_application;
  end if;
  grant select, insert, update
     on public.agents, public.analysis_results, public.agent_sessions, public.pending_tasks, public.agent_tasks
     to centralcloud_application;
  grant select
     on public.learned_patterns, public.agent_tasks_archive, public.agent_performance_5min
     to centralcloud_application;
  grant execute
     on function public.learn_patterns_from_analysis(integer), public.manually_learn_analysis(bigint),
                 public.update_agent_knowledge(), public.sync_learning_to_centralcloud(),
                 public.assign_pending_tasks()
     to centralcloud_application;
end
$$;
