-- How fast agents finish tasks, in steps of five minutes (UTC), one row an agent and step in which it
-- finished any. The same on a plain table and on a hypertable.
-- A duration that measures nothing (NaN, infinite, or beyond what a double holds) is left out as if it were
-- missing, and so is a time that is infinite: one row must not fail the refresh, nor make an average of NaN.
-- Refreshed by refresh_metrics(), concurrently: readers see the old rows until the new ones are ready.
create materialized view if not exists public.agent_performance_5min as
select pg_catalog.date_bin('5 minutes', t.created_at, timestamptz '2000-01-01 00:00:00+00') as bucket,
       t.agent_id,
       count(*) as task_count,
       pg_catalog.round(avg(t.duration_ms), 3) as avg_duration_ms,
       max(t.duration_ms) as max_duration_ms,
       min(t.duration_ms) as min_duration_ms,
       pg_catalog.percentile_cont(0.95) within group (
         -- PostgreSQL may compute this before it leaves rows out. Rounded, since 1e-400 is out of range, too.
         order by case when t.duration_ms < 1e300 then pg_catalog.round(t.duration_ms, 9)::double precision end
       ) as p95_duration_ms
  from public.agent_tasks t
 where t.status = 'completed' and t.duration_ms < 1e300 and pg_catalog.isfinite(t.created_at)
 group by 1, 2;

-- Concurrent refresh needs it; it also answers what happened in a span of time.
create unique index if not exists agent_performance_5min_bucket_agent_id_key
  on public.agent_performance_5min (bucket, agent_id);
