-- The expression of the headers that a dead letter `g` keeps in an archive, and of its own id where archived_letter_id gives
-- it another one.
-- Locks: none. Makes a text only.
create or replace function public.archived_letter_headers(p_archive text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.format(
    'case when g.headers is null then ''{}''
          when jsonb_typeof(g.headers) = ''object'' then g.headers
          else jsonb_build_object(''headers'', g.headers) end
     || case when exists (select from pgmq.%1$I x where x.msg_id = g.msg_id)
             then jsonb_build_object(''archived_msg_id'', g.msg_id) else ''{}'' end',
    p_archive);
$$;
revoke execute on function public.archived_letter_headers(text) from public;
