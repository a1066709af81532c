-- Sealed agent sessions, one message a change; contract session/1.
select public.create_queue('agent-sessions');
