-- The headers of so many messages: their contract's name and version, and an id of its own for each.
create or replace function public.message_headers(p_schema text, p_count integer)
returns jsonb[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.array_agg(pg_catalog.jsonb_build_object('schema', p_schema, 'message_id', u.ulid))
    from public.gen_ulids(p_count) as u (ulid);
$$;
revoke execute on function public.message_headers(text, integer) from public;
