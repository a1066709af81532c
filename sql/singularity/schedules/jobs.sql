-- What runs by itself: the one declaration. pg_cron, where the server has it, and the scheduler process
-- elsewhere both read it; a job that is not named here any more is removed.
-- Times are five fields of cron, in UTC. A function takes no arguments, or has defaults for all.
with declared (job_name, schedule, function_name, description) as (
  values
    ('learn-patterns-every-5min', '*/5 * * * *', 'learn_patterns_from_analysis',
     'learns patterns from new analysis results and queues them'),
    ('sync-learning-every-10min', '*/10 * * * *', 'sync_learning_to_centralcloud',
     'queues what is not synced yet and records the batch'),
    ('update-knowledge-hourly', '0 * * * *', 'update_agent_knowledge',
     'sums up what each agent has learned and queues the summary'),
    ('assign-tasks-every-2min', '*/2 * * * *', 'assign_pending_tasks',
     'gives waiting tasks to agents that have room'),
    ('refresh-metrics-every-30min', '*/30 * * * *', 'refresh_metrics',
     'brings agent_performance_5min up to date'),
    ('cleanup-sync-logs-every-6h', '0 */6 * * *', 'cleanup_sync_logs',
     'removes sync batches after 30 days, undelivered ones after 90'),
    ('archive-tasks-daily', '0 2 * * *', 'archive_completed_tasks',
     'moves tasks that were completed 90 days ago to the archive'),
    ('cleanup-queue-archives-daily', '30 2 * * *', 'cleanup_queue_archives',
     'removes archived queue messages after 90 days'),
    ('cleanup-job-runs-daily', '0 3 * * *', 'cleanup_job_runs',
     'removes job runs after 30 days')
),
removed as (
  delete from public.scheduled_jobs j
   where not exists (select from declared d where d.job_name = j.job_name)
)
insert into public.scheduled_jobs as j (job_name, schedule, function_name, description)
select d.job_name, d.schedule, d.function_name, d.description
  from declared d
on conflict (job_name) do update
  set schedule = excluded.schedule,
      function_name = excluded.function_name,
      description = excluded.description
  where (j.schedule, j.function_name, j.description)
     is distinct from (excluded.schedule, excluded.function_name, excluded.description);
