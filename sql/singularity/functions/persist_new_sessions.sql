-- Trigger function: puts the sessions that a statement has inserted on the queue for CentralCloud, all of them together.
-- After the statement, so that a row that another trigger or a conflict suppressed is not queued.
-- The definer's rights, because the application may see neither keys nor queues.
create or replace function public.persist_new_sessions()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids constant uuid[] := array(select n.id from new_sessions n);
begin
  if pg_catalog.cardinality(v_ids) = 1 then
    perform from public.queue_sessions_together(v_ids);
  elsif pg_catalog.cardinality(v_ids) > 1 then
    perform from public.queue_agent_sessions(v_ids);
  end if;
  return null;
end
$$;
revoke execute on function public.persist_new_sessions() from public;
