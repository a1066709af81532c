-- Makes a source known, or says that it was seen again, possibly under a new name.
-- Called when a consumer connects, not once a batch: it locks the one row of that source.
-- With its owner's rights: the consumer may not write to the tables itself.
create or replace function central.register_source(p_source_id uuid, p_name text)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into central.sources as s (source_id, name)
  values (p_source_id, p_name)
  on conflict (source_id) do update
    set name = excluded.name,
        last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at);
$$;
revoke execute on function central.register_source(uuid, text) from public;
