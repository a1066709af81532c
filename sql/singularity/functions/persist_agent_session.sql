-- Trigger function: puts a new or changed session on the queue for CentralCloud.
-- After the row's change, so that a row that another trigger or a conflict suppressed is not queued.
-- The definer's rights, because the application may see neither keys nor queues.
create or replace function public.persist_agent_session()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform public.queue_agent_session(new.id);
  return null;
end
$$;
revoke execute on function public.persist_agent_session() from public;
