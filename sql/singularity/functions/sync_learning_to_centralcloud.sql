-- Queues whatever is not yet on its way to CentralCloud (patterns, sessions, the agents' knowledge),
-- up to 10,000 patterns and 1,000 sessions a call, and records the batch; then marks earlier batches
-- delivered whose messages have all left their queues.
--
-- Gives the batch's ULID and its number of patterns; null and 0 where nothing was to be queued.
-- What can't be queued stays unsynced, with the reason. Two callers never queue a row twice: each
-- skips what the other has locked.
-- With its owner's rights: a caller needs none on queues, keys or the log.
-- Locks: the taken rows of learned_patterns, then of agent_sessions (both skip locked), then agents
-- whose knowledge is marked, then queued rows of learning_sync_log.
create or replace function public.sync_learning_to_centralcloud()
returns table (batch_id text, pattern_count integer)
language sql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
  select s.batch_id, s.pattern_count from public.sync_next_learning() s;
$$;
revoke execute on function public.sync_learning_to_centralcloud() from public;
