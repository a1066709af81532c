-- A materialized view can't be replaced; it is made anew with the other objects.
drop materialized view if exists public.agent_performance_5min;
