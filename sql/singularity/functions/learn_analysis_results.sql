-- Learns the given analysis results, and queues what was learned; those that are learned already are
-- left out. The caller has locked them.
--
-- What can't be learned is marked with its reason, and stops no other: see learn_results_together. Fails where nothing
-- can be learned, for a reason that every row would meet; then no row is marked.
-- Locks: rows of analysis_results in the order of their ids (the caller's already); rows it inserts.
create or replace function public.learn_analysis_results(p_ids bigint[])
returns table (patterns_learned integer, patterns_queued integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select l.patterns_learned, l.patterns_queued from public.learn_results_together(p_ids, false) l;
end
$$;
revoke execute on function public.learn_analysis_results(bigint[]) from public;
