-- The same 128 bits as a ULID: the reverse of ulid_to_uuid.
create or replace function public.uuid_to_ulid(p_uuid uuid)
returns text
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select public.encode_base32(('x' || pg_catalog.substr(h.digits, 1, 12))::bit(48)::bigint, 10)
      || public.encode_base32(('x' || pg_catalog.substr(h.digits, 13, 10))::bit(40)::bigint, 8)
      || public.encode_base32(('x' || pg_catalog.substr(h.digits, 23, 10))::bit(40)::bigint, 8)
    from (select pg_catalog.replace(p_uuid::text, '-', '') as digits) h;
$$;
