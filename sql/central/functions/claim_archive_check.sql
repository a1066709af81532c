-- A consumer takes it on itself to compare an archive with the ledger, for half a minute, or half a minute more: one
-- does it at a time. No row where another one has it, or where there is nothing to compare any more.
-- With its owner's rights: the consumer may not write to the table itself.
-- Locks: the row of archive_checks.
create or replace function central.claim_archive_check(p_source_id uuid, p_queue text, p_consumer_id uuid)
returns setof central.archive_checks
language sql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
  update central.archive_checks k
     set runner = p_consumer_id, lease_until = pg_catalog.clock_timestamp() + interval '30 seconds'
   where k.source_id = p_source_id and k.queue = p_queue and k.from_at is not null
     and (k.runner is null or k.runner = p_consumer_id
          or not k.lease_until between pg_catalog.clock_timestamp()
                                   and pg_catalog.clock_timestamp() + interval '30 seconds')
  returning k.*;
$$;
revoke execute on function central.claim_archive_check(uuid, text, uuid) from public;
