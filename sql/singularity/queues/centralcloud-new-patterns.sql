-- Patterns as they are learned; contract pattern/1.
select public.create_queue('centralcloud-new-patterns');
