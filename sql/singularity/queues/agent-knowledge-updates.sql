-- What the agents know, a summary an hour; contract knowledge/1.
select public.create_queue('agent-knowledge-updates');
