-- Brings up to date what each agent knows, from the patterns of the last 24 hours, and queues a summary: see
-- sum_up_knowledge.
-- With its owner's rights: a caller needs none on the queue.
-- Locks: one of ours (take_lock), so that one run follows the other and later summaries are newer; then those of
-- sum_up_knowledge. Whatever holds one is waited for five seconds at most, and the error says who does.
create or replace function public.update_agent_knowledge()
returns table (agents_updated integer, total_patterns integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set lock_timeout = '5s'
as $$
declare
  v_holder text;
begin
  v_holder := public.take_lock('update agent knowledge', interval '5 seconds');
  if v_holder is not null then
    raise exception 'another transaction has updated what agents know, and has not ended: %', v_holder
      using errcode = 'lock_not_available', hint = 'Commit it or roll it back, then call this again.';
  end if;
  begin
    return query select s.agents_updated, s.total_patterns from public.sum_up_knowledge() s;
  exception
    when lock_not_available then
      raise exception '%, held by %', sqlerrm, public.sessions_in_the_way()
        using errcode = 'lock_not_available', hint = 'Let their transactions end, then call this again.';
  end;
end
$$;
revoke execute on function public.update_agent_knowledge() from public;
