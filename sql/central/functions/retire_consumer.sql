-- A replica that stops in order takes itself off the list.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the replica's own row.
create or replace function central.retire_consumer(p_id uuid)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  delete from central.consumers c where c.id = p_id;
$$;
revoke execute on function central.retire_consumer(uuid) from public;
