-- Learns one analysis result now, and queues it; gives the learned pattern's id.
--
-- A row that is learned already gives the id it has: calling twice changes nothing. A row that was
-- marked as not learnable is judged anew, so that it can be repaired first.
-- With its owner's rights: a caller needs none on the queue or on what is learned.
-- Errors: P0002 when there is no such row, P0001 with the reason when it can't be learned.
-- Locks: that row of analysis_results; it waits for whoever is learning it.
create or replace function public.manually_learn_analysis(p_id bigint)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
  v_pattern_id bigint;
  v_learn_error text;
begin
  perform from public.analysis_results r where r.id = p_id for update;
  if not found then
    raise exception 'there is no analysis result %', p_id using errcode = 'P0002';
  end if;
  perform public.learn_analysis_results(array[p_id]);
  -- What older versions have learned has no learning_id, and is known by what it says.
  select l.id into v_pattern_id
    from public.analysis_results r
    join public.learned_patterns l on l.analysis_id = r.id
   where r.id = p_id and r.learned
     and (l.learning_id = r.learning_id
          or (l.learning_id is null and r.learning_id is null
              and l.agent_id = r.agent_id and l.pattern = r.result))
   order by l.id desc
   limit 1;
  if v_pattern_id is null then
    select coalesce(r.learn_error, 'it is marked as learned, and there is no pattern of it') into v_learn_error
      from public.analysis_results r
     where r.id = p_id;
    raise exception 'analysis result % can''t be learned: %', p_id, v_learn_error
      using hint = 'Repair the row and call this again.';
  end if;
  return v_pattern_id;
end
$$;
revoke execute on function public.manually_learn_analysis(bigint) from public;
