-- Whether a document can be part of another one, a few levels down. jsonb goes as deep as the server's stack,
-- and a document that is as deep as that can't be in another.
create or replace function public.can_be_nested(p_document jsonb)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Deeper than is needed, because the caller may be nearer to the stack's end.
  perform pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(
            pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('document', p_document)))));
  return true;
exception when program_limit_exceeded then
  return false;
end
$$;
revoke execute on function public.can_be_nested(jsonb) from public;
