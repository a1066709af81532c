-- The lowest 5 × p_length bits of a number that is not negative, as so many characters of Crockford's
-- base 32 (no I, L, O or U), most significant first. p_length is at most 10.
-- In PL/pgSQL, whose plan lasts as long as the session: one in SQL is planned anew in each statement.
create or replace function public.encode_base32(p_value bigint, p_length integer)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return pg_catalog.right(
    pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 45) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 40) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 35) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 30) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 25) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 20) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 15) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 10) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 5) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (p_value & 31)::integer, 1),
    p_length
  );
end
$$;
