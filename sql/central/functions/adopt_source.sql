-- An operator's decision: the database at p_address is the source of this id from now on, whatever was known before.
-- Consumers that work on another server of the id stop within seconds; the one that is named goes on by itself.
-- p_decision: `adopted`, or `renewed` for a copy that has got an id of its own. For operators: whoever decides is named by
-- the login of the session; p_actor, which may be any text, is kept with the action of the same decision alone.
-- Idempotent. Locks: the row of sources.
create or replace function central.adopt_source(
  p_source_id uuid,
  p_name text,
  p_system_id text,
  p_database_oid bigint,
  p_timeline integer,
  p_started_at timestamptz,
  p_address text,
  p_decision text,
  p_actor text
)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  insert into central.sources as s
    (source_id, name, system_id, database_oid, timeline, server_started_at, addresses, decision, decided_by, decided_at)
  values (p_source_id, p_name, p_system_id, p_database_oid, p_timeline, p_started_at, array[p_address],
          p_decision, session_user, pg_catalog.clock_timestamp())
  on conflict (source_id) do update
    set name = excluded.name,
        system_id = excluded.system_id,
        database_oid = excluded.database_oid,
        timeline = excluded.timeline,
        server_started_at = excluded.server_started_at,
        addresses = excluded.addresses,
        decision = excluded.decision,
        decided_by = excluded.decided_by,
        decided_at = excluded.decided_at;
$$;
revoke execute
   on function central.adopt_source(uuid, text, text, bigint, integer, timestamptz, text, text, text)
 from public;
