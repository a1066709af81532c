-- How many of the given rows, in this order, make messages that are sent together: as many as have 64 MiB of
-- JSON text between them, and one at least. p_column is the jsonb column that becomes a message.
--
-- A compressed document can be 256 times as large as it is stored. So nothing is unpacked as long as that
-- much would fit; else one document after another, up to the first that does not fit.
-- Locks: none. Reads only.
create or replace function public.count_that_fit(p_table regclass, p_column text, p_ids anyarray)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_most constant bigint := 67108864;
  v_total bigint := 0;
  v_bytes bigint;
begin
  execute pg_catalog.format(
    'select sum(pg_catalog.pg_column_size(t.%2$I)::bigint
                * case when pg_catalog.pg_column_compression(t.%2$I) is null then 1 else 256 end)
       from %1$s t where t.id = any ($1)',
    p_table, p_column
  ) into v_bytes using p_ids;
  if coalesce(v_bytes, 0) <= v_most then
    return pg_catalog.cardinality(p_ids);
  end if;

  for v_count in 1..pg_catalog.cardinality(p_ids) loop
    begin
      execute pg_catalog.format(
        'select case when pg_catalog.pg_column_compression(t.%2$I) is null then pg_catalog.pg_column_size(t.%2$I)
                     else pg_catalog.octet_length(t.%2$I::text) end
           from %1$s t where t.id = $1',
        p_table, p_column
      ) into v_bytes using p_ids[v_count];
    exception when others then
      -- Its text is larger than PostgreSQL can make one, or can't be read: it stands alone.
      v_bytes := v_most;
    end;
    v_total := v_total + coalesce(v_bytes, 0);
    if v_total > v_most then
      return greatest(v_count - 1, 1);
    end if;
  end loop;
  return pg_catalog.cardinality(p_ids);
end
$$;
revoke execute on function public.count_that_fit(regclass, text, anyarray) from public;
