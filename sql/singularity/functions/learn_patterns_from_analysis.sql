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
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
begin
  v_ids := array(
    select r.id
      from public.analysis_results r
     where r.learned is not true and r.learn_error is null
     order by r.created_at, r.id
     limit p_limit
       for update skip locked
  );
  return query select l.patterns_learned, l.patterns_queued from public.learn_analysis_results(v_ids) l;
end
$$;
revoke execute on function public.learn_patterns_from_analysis(integer) from public;
