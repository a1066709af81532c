-- When a ULID was made, to the millisecond.
-- 01GV5PA9EQG7D82Q3Y4PKBZSYV was made at 2023-03-10 12:00:49.111 UTC.
create or replace function public.ulid_timestamp(p_ulid text)
returns timestamptz
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select timestamptz '1970-01-01 00:00:00+00'
       + interval '1 millisecond' * public.decode_base32(pg_catalog.left(public.uuid_to_ulid(public.ulid_to_uuid(p_ulid)), 10));
$$;
