-- The headers of so many messages: their contract's name and version, an id of its own for each, and the trace
-- that the application is in where it says so: set local centralcloud.traceparent = '00-…', as in W3C's Trace
-- Context, version 00. Whatever else stands there is left out.
create or replace function public.message_headers(p_schema text, p_count integer)
returns jsonb[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.array_agg(
           pg_catalog.jsonb_strip_nulls(
             pg_catalog.jsonb_build_object('schema', p_schema, 'message_id', u.ulid, 'traceparent', t.traceparent)))
    from public.gen_ulids(p_count) as u (ulid)
   cross join (
     select pg_catalog.substring(
              pg_catalog.current_setting('centralcloud.traceparent', true),
              '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$') as traceparent
   ) t;
$$;
revoke execute on function public.message_headers(text, integer) from public;
