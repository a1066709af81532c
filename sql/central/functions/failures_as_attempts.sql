-- The failures of one message so far, oldest first, as a dead letter tells them; null where there are none.
-- Locks: none. Reads only.
create or replace function central.failures_as_attempts(p_lane_id integer, p_msg_id bigint, p_enqueued_at timestamptz)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select pg_catalog.jsonb_agg(
           pg_catalog.jsonb_build_object(
             'at', f.failed_at,
             'consumer', f.consumer_id,
             'error', pg_catalog.jsonb_build_object('code', f.error_code, 'message', f.error_message)
           )
           order by f.failed_at, f.id
         )
    from central.delivery_failures f
   where f.lane_id = p_lane_id and f.msg_id = p_msg_id and f.enqueued_at = p_enqueued_at;
$$;
revoke execute on function central.failures_as_attempts(integer, bigint, timestamptz) from public;
