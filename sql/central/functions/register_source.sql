-- Makes a source known, or says that it was seen again, for consumers of the version before, which do not say what
-- its server is: see claim_source. The name of a source whose server is known is left alone.
-- Called when a consumer connects, not once a batch: it locks the one row of that source.
-- With its owner's rights: the consumer may not write to the tables itself.
create or replace function central.register_source(p_source_id uuid, p_name text)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into central.sources as s (source_id, name)
  values (p_source_id, pg_catalog.left(p_name, 200))
  on conflict (source_id) do update
    set name = case when s.database_oid is null then excluded.name else s.name end,
        last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at);
$$;
revoke execute on function central.register_source(uuid, text) from public;
