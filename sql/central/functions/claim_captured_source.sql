-- A capture begins to read a source's slot, as its only reader. Where nobody has told yet which server the source is on, it
-- says so, by claim_source's rules: of two databases with one id that nobody knows, the first has it. A server that is known
-- is only judged: a capture moves no claim.
-- With its owner's rights: whoever captures may not write to the tables itself.
-- Locks: as claim_source, where it claims.
create or replace function central.claim_captured_source(
  p_source_id uuid,
  p_name text,
  p_system_id text,
  p_database_oid bigint,
  p_timeline integer,
  p_started_at timestamptz,
  p_address text,
  p_other_addresses text[] default '{}'
)
returns table (state text, reason text, moved_from text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
begin
  if exists (select from central.sources s where s.source_id = p_source_id and s.database_oid is not null) then
    return query
    select j.state, j.reason, null::text
      from central.judge_source(p_source_id, p_system_id, p_database_oid, p_timeline, p_started_at, p_address,
                                p_other_addresses) j;
  else
    return query
    select c.state, c.reason, c.moved_from
      from central.claim_source(p_source_id, p_name, p_system_id, p_database_oid, p_timeline, p_started_at, p_address,
                                p_other_addresses) c;
  end if;
end
$$;
revoke execute
   on function central.claim_captured_source(uuid, text, text, bigint, integer, timestamptz, text, text[])
 from public;
