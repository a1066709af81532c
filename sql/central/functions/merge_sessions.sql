-- Folds a batch of session messages into the central store: one call, one transaction.
--
-- p_messages is a JSON array of the messages as they were sent; its n-th element has the n-th id and time.
--
-- Last writer wins, on the version that the source assigned: synced_at, then ulid. Two messages that
-- claim the same version are decided by a hash of their content, so that every order gives the same row.
-- A number in place of an identifier is its shortest numeral, so that 7, 7.0 and 70e-1 name the same.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks: processed_messages by message, then agent_sessions by session.
-- No nested loops: a plan made for any number of messages would choose them, and take the square of it.
-- No compilation: it would take longer than the batch, and a nested loop that is needed all the same
-- (lateral) counts as so expensive that every call would be compiled.
create or replace function central.merge_sessions(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_messages jsonb
)
returns table (merged integer, duplicates integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_nestloop = off
set jit = off
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
begin
  return query
  with message as materialized (
    -- A message that is in the batch twice counts once, here as in the ledger.
    select distinct on (m.msg_id, m.enqueued_at) m.msg_id, m.enqueued_at, m.body
      from rows from (
        pg_catalog.unnest(p_msg_ids),
        pg_catalog.unnest(p_enqueued_ats),
        pg_catalog.jsonb_array_elements(p_messages)
      ) as m (msg_id, enqueued_at, body)
     order by m.msg_id, m.enqueued_at
  ),
  fresh as (
    insert into central.processed_messages (lane_id, msg_id, enqueued_at)
    select v_lane_id, m.msg_id, m.enqueued_at
      from message m
     order by m.msg_id, m.enqueued_at
    on conflict do nothing
    returning msg_id, enqueued_at
  ),
  version as (
    select m.body,
           case pg_catalog.jsonb_typeof(m.body -> 'session_id')
             when 'number' then pg_catalog.trim_scale((m.body -> 'session_id')::numeric)::text
             else m.body ->> 'session_id' end as session_id,
           (m.body ->> 'synced_at')::timestamptz as synced_at,
           m.body ->> 'ulid' as ulid,
           pg_catalog.sha256(pg_catalog.convert_to(m.body::text, 'UTF8')) as message_hash
      from fresh f
      join message m using (msg_id, enqueued_at)
  ),
  newest as (
    select distinct on (v.session_id) v.*
      from version v
     order by v.session_id, v.synced_at desc, coalesce(v.ulid, '') collate "C" desc, v.message_hash desc
  ),
  merged_session as (
    insert into central.agent_sessions as s
      (source_id, session_id, agent_id, confidence, session_state, sealed, ulid, synced_at, message_hash)
    select p_source_id, n.session_id,
           case pg_catalog.jsonb_typeof(n.body -> 'agent_id')
             when 'number' then pg_catalog.trim_scale((n.body -> 'agent_id')::numeric)::text
             else n.body ->> 'agent_id' end,
           pg_catalog.trim_scale(coalesce((n.body ->> 'confidence')::numeric, 0.5)),
           -- A JSON null means absent, and is not a value to store.
           nullif(n.body -> 'session_state', 'null'), nullif(n.body -> 'sealed', 'null'),
           n.ulid, n.synced_at, n.message_hash
      from newest n
     order by n.session_id
    on conflict (source_id, session_id) do update
      set agent_id = excluded.agent_id,
          confidence = excluded.confidence,
          session_state = excluded.session_state,
          sealed = excluded.sealed,
          ulid = excluded.ulid,
          synced_at = excluded.synced_at,
          message_hash = excluded.message_hash
      where (excluded.synced_at, coalesce(excluded.ulid, '') collate "C", excluded.message_hash)
          > (s.synced_at, coalesce(s.ulid, '') collate "C", s.message_hash)
  )
  select count(*)::integer,
         coalesce(pg_catalog.cardinality(p_msg_ids), 0) - count(*)::integer
    from fresh;
end
$$;
revoke execute on function central.merge_sessions(uuid, text, bigint[], timestamptz[], jsonb) from public;
