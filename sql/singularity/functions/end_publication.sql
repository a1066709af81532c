-- Removes the publication of the captured tables; nothing happens where there is none. Its slot must have
-- been dropped before: no slot can be read without the publication that it was made for.
-- With its owner's rights, because only the publication's owner may drop it.
-- Locks: the published tables, until the end of the transaction.
create or replace function public.end_publication()
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  drop publication if exists singularity_centralcloud_cdc;
$$;
revoke execute on function public.end_publication() from public;
