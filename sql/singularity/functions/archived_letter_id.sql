-- The expression of the id that a dead letter `g` gets in an archive: its own, or a free negative one where the archive has
-- that id already, from before the queue was recreated.
-- Locks: none. Makes a text only.
create or replace function public.archived_letter_id(p_archive text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.format(
    'case when exists (select from pgmq.%1$I x where x.msg_id = g.msg_id)
          then (select least(min(x.msg_id), 0) from pgmq.%1$I x) - row_number() over (order by g.msg_id)
          else g.msg_id end',
    p_archive);
$$;
revoke execute on function public.archived_letter_id(text) from public;
