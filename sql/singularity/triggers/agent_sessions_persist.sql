-- Every new session, and every change of a session's state or confidence that really is one, goes to
-- CentralCloud, once a statement. PostgreSQL lets a trigger that sees all rows of a statement choose no columns, so the
-- function finds out what has changed.
create or replace trigger agent_sessions_persist_insert
  after insert on public.agent_sessions
  referencing new table as new_sessions
  for each statement
  execute function public.persist_new_sessions();

create or replace trigger agent_sessions_persist_update
  after update on public.agent_sessions
  referencing old table as old_sessions new table as new_sessions
  for each statement
  execute function public.persist_agent_session();
