-- So many ULIDs at once, in ascending order: the same as that many calls of gen_ulid, and much faster.
--
-- The first is made by gen_ulid, the others count on from it in the last 40 of its 80 random bits, as
-- the specification has it for ULIDs of one millisecond. Where those bits would not do (once in millions of
-- calls), or where pgx_ulid makes them, each is made by gen_ulid.
-- Locks: none.
create or replace function public.gen_ulids(p_count integer)
returns setof text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_first text;
  v_last text[];
  v_low bigint;
begin
  if p_count < 1 then
    return;
  end if;
  v_first := public.gen_ulid()::text;
  v_last := pg_catalog.string_to_array(
    nullif(pg_catalog.current_setting('centralcloud.last_ulid', true), ''), ' ');
  v_low := v_last[3]::bigint;
  if v_low is null or v_low + p_count >= (1::bigint << 40) then
    return next v_first;
    return query select public.gen_ulid()::text from pg_catalog.generate_series(2, p_count);
    return;
  end if;
  perform pg_catalog.set_config(
    'centralcloud.last_ulid', pg_catalog.format('%s %s %s', v_last[1], v_last[2], v_low + p_count - 1), false);
  return query
  select pg_catalog.left(v_first, 18)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 35) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 30) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 25) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 20) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 15) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 10) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 5) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (u.low & 31)::integer, 1)
    from pg_catalog.generate_series(v_low, v_low + p_count - 1) as u (low);
end
$$;
