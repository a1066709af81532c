-- Begins to work on a database under its source's id: makes the source known, or says that it was seen again, by
-- judge_source's rules. What is refused changes nothing of the source, not even its name. Of several who come at once
-- with an id that nobody knows, the first has it: its row is there, or locked, before the others look.
-- A consumer's claim is kept with its entry in consumers, and goes with a refusal.
-- moved_from: where the source was until now, where a promoted standby took its place.
-- With its owner's rights: whoever claims may not write to the tables itself.
-- Locks: the row of sources; then the consumer's own row.
create or replace function central.claim_source(
  p_source_id uuid,
  p_name text,
  p_system_id text,
  p_database_oid bigint,
  p_timeline integer,
  p_started_at timestamptz,
  p_address text,
  p_other_addresses text[] default '{}',
  p_consumer_id uuid default null
)
returns table (state text, reason text, moved_from text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
declare
  v_source central.sources;
  v_is_moved boolean;
begin
  insert into central.sources
    (source_id, name, system_id, database_oid, timeline, server_started_at, addresses)
  values (p_source_id, p_name, p_system_id, p_database_oid, p_timeline, p_started_at, array[p_address])
  on conflict (source_id) do nothing;

  if found then
    state := 'ok';
  else
    select s.* into strict v_source from central.sources s where s.source_id = p_source_id for update;
    select j.state, j.reason
      into state, reason
      from central.judge_source(p_source_id, p_system_id, p_database_oid, p_timeline, p_started_at, p_address,
                                p_other_addresses, p_consumer_id) j;
  end if;

  if state = 'ok' and v_source.source_id is not null then
    v_is_moved := p_timeline > v_source.timeline and p_address <> all (v_source.addresses);
    if v_is_moved then
      moved_from := v_source.addresses[1];
    end if;
    update central.sources s
       set name = p_name,
           last_seen_at = greatest(s.last_seen_at, pg_catalog.now()),
           system_id = coalesce(p_system_id, s.system_id),
           database_oid = p_database_oid,
           timeline = coalesce(p_timeline, s.timeline),
           server_started_at = p_started_at,
           -- The first is the source's own; another way to the same running server is remembered behind it.
           addresses = (case when p_address = any (s.addresses) then s.addresses
                             when v_is_moved then array[p_address] || s.addresses
                             else s.addresses || p_address end)[1:32]
     where s.source_id = p_source_id;
  end if;

  if p_consumer_id is not null then
    update central.consumers c
       set sources = case
             when state = 'ok' then
               coalesce(c.sources, '{}') || pg_catalog.jsonb_build_object(
                 p_source_id, pg_catalog.to_char(p_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
             else c.sources - p_source_id::text
           end
     where c.id = p_consumer_id;
  end if;
  return next;
end
$$;
revoke execute
   on function central.claim_source(uuid, text, text, bigint, integer, timestamptz, text, text[], uuid)
 from public;
