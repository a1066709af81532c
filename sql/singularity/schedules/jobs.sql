-- What runs by itself: the one declaration. pg_cron, where the server has it, and the scheduler process
-- elsewhere both read it; a job that is not named here any more is removed.
-- Times are five fields of cron, in UTC. A function takes no arguments, or has defaults for all.
-- A job that must keep up with whatever comes names a step function: it is called, in one transaction after
-- another, until nothing is left, and until shortly before the job is due again.
with declared (job_name, schedule, function_name, step_function_name, longest_run, description) as (
  values
    ('learn-patterns-every-5min', '*/5 * * * *', 'learn_patterns_from_analysis',
     'learn_next_results', interval '290 seconds',
     'learns patterns from new analysis results and queues them'),
    ('sync-learning-every-10min', '*/10 * * * *', 'sync_learning_to_centralcloud',
     'sync_next_learning', interval '590 seconds',
     'queues what is not synced yet and records the batch'),
    ('update-knowledge-hourly', '0 * * * *', 'update_agent_knowledge', null, null,
     'sums up what each agent has learned and queues the summary'),
    ('assign-tasks-every-2min', '*/2 * * * *', 'assign_pending_tasks', null, null,
     'gives waiting tasks to agents that have room'),
    ('refresh-metrics-every-30min', '*/30 * * * *', 'refresh_metrics', null, null,
     'brings agent_performance_5min up to date'),
    ('cleanup-sync-logs-every-6h', '0 */6 * * *', 'cleanup_sync_logs', null, null,
     'removes sync batches after 30 days, undelivered ones after 90'),
    ('archive-tasks-daily', '0 2 * * *', 'archive_completed_tasks', null, null,
     'moves tasks that were completed 90 days ago to the archive'),
    ('cleanup-queue-archives-daily', '30 2 * * *', 'cleanup_queue_archives', null, null,
     'removes archived queue messages after 90 days'),
    ('cleanup-job-runs-daily', '0 3 * * *', 'cleanup_job_runs', null, null,
     'removes job runs after 30 days')
),
removed as (
  delete from public.scheduled_jobs j
   where not exists (select from declared d where d.job_name = j.job_name)
),
locked as (
  -- Entered here, so that the first run of a job needs not wait for another first run.
  insert into public.centralcloud_locks (lock_name)
  select 'job ' || d.job_name from declared d
  on conflict (lock_name) do nothing
)
insert into public.scheduled_jobs as j
  (job_name, schedule, function_name, step_function_name, longest_run, description)
select d.job_name, d.schedule, d.function_name, d.step_function_name, d.longest_run, d.description
  from declared d
on conflict (job_name) do update
  set schedule = excluded.schedule,
      function_name = excluded.function_name,
      step_function_name = excluded.step_function_name,
      longest_run = excluded.longest_run,
      description = excluded.description
  where (j.schedule, j.function_name, j.step_function_name, j.longest_run, j.description)
     is distinct from (excluded.schedule, excluded.function_name, excluded.step_function_name,
                       excluded.longest_run, excluded.description);
