-- The headers of so many messages: their contract's name and version, an id of its own for each, and the trace
-- that the application is in where it says so: set local centralcloud.traceparent = '00-…', as in W3C's Trace
-- Context, version 00. Whatever else stands there is left out.
-- In PL/pgSQL, whose plan lasts as long as the session: one in SQL is planned anew in each statement.
create or replace function public.message_headers(p_schema text, p_count integer)
returns jsonb[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_traceparent constant text := pg_catalog.substring(
    pg_catalog.current_setting('centralcloud.traceparent', true),
    '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
  v_shared constant jsonb := pg_catalog.jsonb_strip_nulls(
    pg_catalog.jsonb_build_object('schema', p_schema, 'traceparent', v_traceparent));
begin
  -- Most statements make one message, and for one this is faster.
  if p_count = 1 then
    return array[v_shared || pg_catalog.jsonb_build_object('message_id', public.gen_ulid())];
  end if;
  return (
    select pg_catalog.array_agg(v_shared || pg_catalog.jsonb_build_object('message_id', u.ulid))
      from public.gen_ulids(p_count) as u (ulid)
  );
end
$$;
revoke execute on function public.message_headers(text, integer) from public;
