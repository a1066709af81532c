-- Every new session, and every change of a session's state or confidence that really is one, goes to
-- CentralCloud. The stamp that follows changes neither, so it does not fire again.
create or replace trigger agent_sessions_persist_insert
  after insert on public.agent_sessions
  for each row
  execute function public.persist_agent_session();

create or replace trigger agent_sessions_persist_update
  after update of state, confidence on public.agent_sessions
  for each row
  when (old.state is distinct from new.state or old.confidence is distinct from new.confidence)
  execute function public.persist_agent_session();
