-- What came of comparing an archive with the ledger, by the consumer that had claimed it. p_from_at null: everything is
-- in the store, and nothing is left to compare; else from where to compare again. Times are by the source's clock.
-- Returns whether it was taken down: not where a new epoch has begun, or somebody else has it now.
-- With its owner's rights: the consumer may not write to the table itself.
-- Locks: the row of archive_checks.
create or replace function central.report_archive_check(
  p_source_id uuid,
  p_queue text,
  p_consumer_id uuid,
  p_epoch_id bigint,
  p_from_at timestamptz,
  p_until_at timestamptz,
  p_missing_since timestamptz,
  p_missing_count integer,
  p_is_at_least boolean,
  p_is_compared boolean,
  p_problem text
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
  update central.archive_checks k
     set from_at = p_from_at,
         until_at = p_until_at,
         missing_since = p_missing_since,
         missing_count = p_missing_count,
         is_at_least = p_is_at_least,
         problem = pg_catalog.left(p_problem, 1000),
         compared_at = case when p_is_compared then pg_catalog.clock_timestamp() else k.compared_at end,
         runner = null,
         lease_until = null
   where k.source_id = p_source_id and k.queue = p_queue
     and k.epoch_id = p_epoch_id and k.runner = p_consumer_id;
  return found;
end
$$;
revoke execute
   on function central.report_archive_check(uuid, text, uuid, bigint, timestamptz, timestamptz, timestamptz, integer,
                                            boolean, boolean, text)
 from public;
