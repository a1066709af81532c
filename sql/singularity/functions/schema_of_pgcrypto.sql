-- Where the functions of pgcrypto are, quoted: for functions into whose text it is written when they are applied. Where
-- pgcrypto is not installed it is pg_catalog, which has no such functions and in which nobody but a superuser
-- can make any, so that nobody is called in their place.
-- Locks: nothing.
create or replace function public.schema_of_pgcrypto()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select pg_catalog.quote_ident(n.nspname)
                     from pg_catalog.pg_extension e
                     join pg_catalog.pg_namespace n on n.oid = e.extnamespace
                    where e.extname = 'pgcrypto'), 'pg_catalog');
$$;
revoke execute on function public.schema_of_pgcrypto() from public;
