-- A replica says what its /readyz answers: its lanes, what they wait for, and their faults. Nothing happens where the replica
-- is not entered (report_consumer): it has been forgotten, and enters itself again.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the replica's own row.
create or replace function central.report_readiness(p_id uuid, p_readiness jsonb)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  update central.consumers c
     set readiness = p_readiness,
         readiness_at = pg_catalog.clock_timestamp()
   where c.id = p_id;
$$;
revoke execute on function central.report_readiness(uuid, jsonb) from public;
