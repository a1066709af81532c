-- Learns patterns from analysis results, oldest first, up to p_limit of them, and queues them.
--
-- Learning, marking and queueing are one transaction. Two callers never learn a row twice: each locks
-- the rows it takes and skips those that another has taken. A row that can't be learned is marked with
-- its reason and stops nobody. Where queueing fails, what was learned stays learned and unsynced, and
-- the next sync run queues it.
-- With its owner's rights: a caller needs none on the queue or on what is learned.
-- Locks: the taken rows of analysis_results (skip locked); else only rows that it inserts.
create or replace function public.learn_patterns_from_analysis(p_limit integer default 1000)
returns table (patterns_learned integer, patterns_queued integer)
language sql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
  select l.patterns_learned, l.patterns_queued from public.learn_next_results(p_limit) l;
$$;
revoke execute on function public.learn_patterns_from_analysis(integer) from public;
