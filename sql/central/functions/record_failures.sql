-- Notes one more failed attempt for each message, and returns all attempts of each so far, oldest first.
-- Only errors that may be the message's own come here; an outage is nobody's attempt.
-- Not idempotent: each call is one attempt. A crash before the answer arrives costs an attempt, no message.
-- With its owner's rights: the consumer may not write to the table itself.
-- Locks: none but its own new rows.
create or replace function central.record_failures(
  p_source_id uuid,
  p_queue text,
  p_consumer_id uuid,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_codes text[],
  p_messages text[]
)
returns table (ordinal integer, attempts jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
begin
  insert into central.delivery_failures (lane_id, msg_id, enqueued_at, consumer_id, error_code, error_message, failed_at)
  select v_lane_id, m.msg_id, m.enqueued_at, p_consumer_id, m.code, m.message, pg_catalog.clock_timestamp()
    from rows from (
      pg_catalog.unnest(p_msg_ids),
      pg_catalog.unnest(p_enqueued_ats),
      pg_catalog.unnest(p_codes),
      pg_catalog.unnest(p_messages)
    ) as m (msg_id, enqueued_at, code, message);

  return query
  select m.ordinal::integer, central.failures_as_attempts(v_lane_id, m.msg_id, m.enqueued_at)
    from rows from (
      pg_catalog.unnest(p_msg_ids),
      pg_catalog.unnest(p_enqueued_ats)
    ) with ordinality as m (msg_id, enqueued_at, ordinal)
   order by m.ordinal;
end
$$;
revoke execute on function
  central.record_failures(uuid, text, uuid, bigint[], timestamptz[], text[], text[]) from public;
