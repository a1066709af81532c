-- Whether a database may be consumed under a source's id, by what its server says of itself, and if not, why:
-- `ok`; `conflict`, where the source that has the id is consumed or configured now; `moved`, where the id is known from
-- another server. Both of the latter wait for an operator's decision (`centralcloud sources adopt` or `renew`).
-- All who ask, ask here: consumers by claim_source, captures and commands. test/consumer/source-verdicts.test.ts has the cases.
--
-- What the server says decides, and addresses only where it does not: one running server is known by when it was
-- started, whatever leads to it. A server that was started later has the files of the one before, as a restart does, and as
-- a copy of them does: at an address that is known it was restarted, elsewhere it is a copy or has moved. One of a later
-- timeline is a standby that was promoted, wherever it is, once nobody works on the old primary.
-- What was captured of a source tells, too: its change log goes on at the server where it began, unless an operator has
-- decided since.
-- What a server says can be forged; what that means is in SECURITY.md.
--
-- p_other_addresses: where else the asking process has a database of that id, as far as it knows.
-- With its owner's rights: whoever asks may not see the consumers' claims.
-- Locks: none. Reads only.
create or replace function central.judge_source(
  p_source_id uuid,
  p_system_id text,
  p_database_oid bigint,
  p_timeline integer,
  p_started_at timestamptz,
  p_address text,
  p_other_addresses text[] default '{}',
  p_consumer_id uuid default null
)
returns table (state text, reason text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  v_source central.sources;
  v_cursor central.capture_cursors;
  v_timeline integer;
  v_is_known_address boolean;
  v_is_live boolean;
  v_is_beside boolean;
  v_is_decided_now boolean;
  v_owner text;
begin
  state := 'ok';
  select s.* into v_source from central.sources s where s.source_id = p_source_id;
  select c.*
    into v_cursor
    from central.capture_cursors c
   where c.source_id = p_source_id and c.seen_at > coalesce(v_source.decided_at, '-infinity');
  -- Known to older versions only, or not at all: whoever comes first has it.
  if v_source.source_id is null or v_source.database_oid is null then
    if v_cursor.system_id <> p_system_id or v_cursor.timeline > p_timeline then
      state := 'moved';
      reason := pg_catalog.format(
        'its source_id %s is that of %s, whose changes were captured from the server %s at timeline %s; this is the '
        'server %s at timeline %s',
        p_source_id, v_source.name, v_cursor.system_id, v_cursor.timeline, p_system_id, p_timeline
      );
    end if;
    return next;
    return;
  end if;
  v_timeline := v_source.timeline;
  if v_cursor.system_id = p_system_id then
    v_timeline := greatest(v_timeline, v_cursor.timeline);
  end if;
  v_owner := pg_catalog.format('%s at %s', v_source.name, coalesce(v_source.addresses[1], 'an unknown address'));
  v_is_known_address := p_address = any (v_source.addresses);
  v_is_beside := p_address <> v_source.addresses[1] and v_source.addresses[1] = any (p_other_addresses);
  v_is_decided_now := coalesce(v_source.decided_at > pg_catalog.clock_timestamp() - interval '15 seconds', false);
  v_is_live := exists (
    select
      from central.consumers c
     where c.id is distinct from p_consumer_id
       and c.last_seen_at between pg_catalog.clock_timestamp() - interval '15 seconds'
                              and pg_catalog.clock_timestamp() + interval '15 seconds'
       and c.sources ->> p_source_id::text
        <> pg_catalog.to_char(p_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  );

  if v_source.server_started_at = p_started_at
     and v_source.database_oid = p_database_oid
     and v_source.system_id is not distinct from p_system_id then
    -- Those who worked on the database before an operator's decision have yet to hear of it.
    if v_is_live and v_is_decided_now then
      state := 'conflict';
      reason := pg_catalog.format('its source_id %s was given to it just now; a consumer still works on the database '
        'that had it before', p_source_id);
    end if;
    return next;
    return;
  end if;

  if v_source.database_oid <> p_database_oid or v_source.system_id <> p_system_id then
    reason := pg_catalog.format(
      'its source_id %s is that of %s, which is database %s of the server %s; this is database %s of the server %s',
      p_source_id, v_owner, v_source.database_oid, coalesce(v_source.system_id, '(unknown)'),
      p_database_oid, coalesce(p_system_id, '(unknown)')
    );
  elsif p_timeline < v_timeline then
    reason := pg_catalog.format(
      'its source_id %s is that of %s, whose server is at timeline %s; this one is at timeline %s: an old primary, '
      'or a backup that was restored', p_source_id, v_owner, v_timeline, p_timeline
    );
  elsif not v_is_known_address and (p_system_id is null or v_source.system_id is null) then
    reason := pg_catalog.format(
      'its source_id %s is that of %s; the server tells no system identifier, so it is known by its address only',
      p_source_id, v_owner
    );
  elsif not v_is_known_address and p_timeline is not distinct from v_source.timeline then
    reason := pg_catalog.format(
      'its source_id %s is that of %s; this server has the same system identifier and timeline, and another address: '
      'a copy of that server, or that server in another place', p_source_id, v_owner
    );
  elsif v_is_beside then
    reason := pg_catalog.format('its source_id %s is that of %s, which is configured, too', p_source_id, v_owner);
  -- A restart is seen by one consumer after the other: who still names the start before it only has not noticed.
  elsif v_is_live
        and (v_is_decided_now
             or p_timeline is distinct from v_source.timeline
             or p_started_at <= v_source.server_started_at) then
    reason := pg_catalog.format(
      'its source_id %s is that of %s; this server was started at another time than the one that is consumed',
      p_source_id, v_owner
    );
  end if;
  if reason is not null then
    state := case when v_is_live or v_is_beside then 'conflict' else 'moved' end;
  end if;
  return next;
end
$$;
revoke execute
   on function central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid)
 from public;
