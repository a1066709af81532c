-- One step of learning: up to p_limit analysis results that nobody else has taken, oldest first, and as many as
-- fit into memory together. `more` says that it took as many as it may, so that there may be others.
-- Locks: the taken rows of analysis_results (skip locked); else only rows that it inserts.
create or replace function public.learn_next_results(p_limit integer default 1000)
returns table (patterns_learned integer, patterns_queued integer, more boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_fit integer;
begin
  v_ids := array(
    select r.id
      from public.analysis_results r
     where r.learned is not true and r.learn_error is null
     order by r.created_at, r.id
     limit p_limit
       for update skip locked
  );
  v_fit := public.count_that_fit('public.analysis_results', 'result', v_ids);
  return query
  select l.patterns_learned, l.patterns_queued,
         v_fit < pg_catalog.cardinality(v_ids) or pg_catalog.cardinality(v_ids) >= p_limit
    from public.learn_analysis_results(v_ids[:v_fit]) l;
end
$$;
revoke execute on function public.learn_next_results(integer) from public;
