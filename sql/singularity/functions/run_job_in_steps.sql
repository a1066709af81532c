-- Runs a scheduled job with all of its steps, each in a transaction of its own: for pg_cron, which calls it.
-- Not in a transaction of the caller's: it commits.
--
-- PostgreSQL lets no procedure commit that has settings or its owner's rights. So this one has neither: every
-- name in it is qualified, it uses no operator, and the rights are those of run_job_step.
create or replace procedure public.run_job_in_steps(p_job_name text, p_started_by text default session_user)
language plpgsql
as $$
declare
  v_run_id pg_catalog.int8;
  v_more pg_catalog.bool;
begin
  loop
    select s.run_id, s.more into v_run_id, v_more
      from public.run_job_step(p_job_name, p_started_by, v_run_id) s;
    commit;
    exit when v_more is not true;
  end loop;
end
$$;
revoke execute on procedure public.run_job_in_steps(text, text) from public;
