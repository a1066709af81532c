-- Trigger function: puts the sessions that a statement has changed on the queue for CentralCloud, all of them together.
-- After the statement, so that a row that another trigger or a conflict suppressed is not queued.
-- A row that got another state, confidence or id has changed; the stamp of those that are queued has not.
-- The definer's rights, because the application may see neither keys nor queues.
create or replace function public.persist_agent_session()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_changed constant text :=
    'select n.id from new_sessions n
      where not exists (select from old_sessions o
                         where o.id = n.id and o.state = n.state and o.confidence = n.confidence)';
  v_context text;
  v_count bigint;
  v_ids uuid[];
begin
  -- Our own update, and not one that a trigger of the application's does below it. To look for changes in ours would
  -- take longer than to ask who does it.
  get diagnostics v_context = pg_context;
  if v_context ~ '^[^\n]*\nSQL statement "update public\.agent_sessions s\s+set unsynced = [^"]*"\nPL/pgSQL function public\.queue_sessions_together\(' then
    return null;
  end if;
  select count(*) into v_count from new_sessions n;
  if v_count = 1 then
    v_ids := array(
      select n.id from new_sessions n
       where not exists (select from old_sessions o
                          where o.id = n.id and o.state = n.state and o.confidence = n.confidence)
    );
  elsif v_count > 1 then
    -- Planned each time: a plan that was made for few rows takes the square of many.
    execute 'select array(' || v_changed || ')' into v_ids;
  end if;
  if pg_catalog.cardinality(v_ids) = 1 then
    perform from public.queue_sessions_together(v_ids);
  elsif pg_catalog.cardinality(v_ids) > 1 then
    perform from public.queue_agent_sessions(v_ids);
  end if;
  return null;
end
$$;
revoke execute on function public.persist_agent_session() from public;
