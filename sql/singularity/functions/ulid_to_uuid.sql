-- The same 128 bits as a uuid.
-- 01GV5PA9EQG7D82Q3Y4PKBZSYV is 0186cb65-25d7-81da-815c-7e25a6bfe7db.
create or replace function public.ulid_to_uuid(p_ulid text)
returns uuid
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  -- 26 characters hold 130 bits, so the first may be at most 7.
  if pg_catalog.length(p_ulid) <> 26 or public.decode_base32(pg_catalog.left(p_ulid, 1)) > 7 then
    raise exception '% is not a ULID: it must have 26 characters and begin with 0 to 7', p_ulid
      using errcode = '22023';
  end if;
  return (
    pg_catalog.lpad(pg_catalog.to_hex(public.decode_base32(pg_catalog.substr(p_ulid, 1, 10))), 12, '0')
    || pg_catalog.lpad(pg_catalog.to_hex(public.decode_base32(pg_catalog.substr(p_ulid, 11, 8))), 10, '0')
    || pg_catalog.lpad(pg_catalog.to_hex(public.decode_base32(pg_catalog.substr(p_ulid, 19, 8))), 10, '0')
  )::uuid;
end
$$;
