-- Removes batches of the sync log after 30 days, those that are still undelivered only after 90. At most
-- p_limit a call; the next one goes on. May run any number of times.
-- Locks: the removed rows, in the order of their batch_id; those that somebody else has locked stay.
create or replace function public.cleanup_sync_logs(p_limit integer default 10000)
returns table (rows_removed integer)
language sql
set search_path = pg_catalog, pg_temp
as $$
  with old as materialized (
    select l.batch_id
      from public.learning_sync_log l
     where l.created_at < pg_catalog.now()
             - case when l.status = 'delivered' then interval '30 days' else interval '90 days' end
     order by l.batch_id
     limit p_limit
       for update skip locked
  ),
  removed as (
    delete from public.learning_sync_log l
     using old
     where l.batch_id = old.batch_id
    returning 1
  )
  select count(*)::integer from removed;
$$;
revoke execute on function public.cleanup_sync_logs(integer) from public;
