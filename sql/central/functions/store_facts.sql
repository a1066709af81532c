-- What the store says of itself, so that a consumer notices when it is another one than it was, or was interrupted:
-- the server's system identifier, its timeline and start; when a crash was recovered from (a server whose own
-- processes were killed goes on without a new start, and forgets its statistics); the database; the file of the
-- ledger, which a restored dump and a truncated ledger replace. What the server does not tell is null.
-- With its owner's rights: not everybody may ask for each of them.
-- Locks: none. Reads only.
create or replace function central.store_facts()
returns table (
  system_id text,
  timeline integer,
  server_started_at timestamptz,
  recovered_at timestamptz,
  database_oid bigint,
  ledger_file bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  begin
    select c.system_identifier::text into system_id from pg_catalog.pg_control_system() c;
  exception
    -- Some services that run servers keep it from everybody.
    when others then system_id := null;
  end;
  if not pg_catalog.pg_is_in_recovery() then
    timeline := ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::integer;
  end if;
  server_started_at := pg_catalog.pg_postmaster_start_time();
  select b.stats_reset into recovered_at from pg_catalog.pg_stat_bgwriter b;
  select d.oid::bigint into database_oid
    from pg_catalog.pg_database d
   where d.datname = pg_catalog.current_database();
  ledger_file := pg_catalog.pg_relation_filenode('central.processed_messages')::bigint;
  return next;
end
$$;
revoke execute on function central.store_facts() from public;
