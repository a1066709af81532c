-- A ULID: 48 bits of milliseconds since 1970 and 80 bits of strong randomness, as 26 characters of
-- Crockford's base 32. https://github.com/ulid/spec
--
-- Monotonic within a session: in the same millisecond, or when the clock has gone back, the next one
-- is the last one plus one. The last one is kept in the session setting centralcloud.last_ulid; a
-- rolled-back transaction takes that back too, along with the ULIDs that it made.
-- Where pgx_ulid is installed, its generator does the work (and if that one lives in schema public, it
-- is public.gen_ulid already, and this file makes nothing).
-- Locks: none.
do $do$
declare
  v_extension_schema text;
begin
  select n.nspname into v_extension_schema
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
   where e.extname in ('pgx_ulid', 'ulid');

  if v_extension_schema = 'public' then
    return;
  end if;

  if v_extension_schema is not null then
    execute pg_catalog.format(
      $function$
        create or replace function public.gen_ulid()
        returns text
        language sql
        volatile
        set search_path = pg_catalog, pg_temp
        as $body$ select %I.gen_monotonic_ulid()::text $body$
      $function$,
      v_extension_schema
    );
    return;
  end if;

  create or replace function public.gen_ulid()
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  as $body$
  declare
    -- Milliseconds, and the randomness in two halves of 40 bits.
    v_ms bigint := pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()) * 1000)::bigint;
    v_last text[] := pg_catalog.string_to_array(
      nullif(pg_catalog.current_setting('centralcloud.last_ulid', true), ''), ' ');
    v_high bigint;
    v_low bigint;
    v_random text;
    -- The largest number of 40 bits.
    v_max constant bigint := (1::bigint << 40) - 1;
  begin
    if v_last is not null and v_last[1]::bigint >= v_ms then
      v_ms := v_last[1]::bigint;
      v_high := v_last[2]::bigint;
      v_low := v_last[3]::bigint + 1;
      if v_low > v_max then
        v_low := 0;
        v_high := v_high + 1;
      end if;
      if v_high > v_max then
        v_high := 0;
        v_ms := v_ms + 1;
      end if;
    else
      -- gen_random_uuid draws from the strong generator, and fixes six bits of its own (version and
      -- variant, in digits 13 and 17): the first twelve and the last fifteen digits are all random.
      v_random := pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
      v_high := ('x' || pg_catalog.substr(v_random, 1, 10))::bit(40)::bigint;
      v_low := ('x' || pg_catalog.substr(v_random, 21, 10))::bit(40)::bigint;
    end if;
    perform pg_catalog.set_config('centralcloud.last_ulid', v_ms || ' ' || v_high || ' ' || v_low, false);
    return public.encode_base32(v_ms, 10) || public.encode_base32(v_high, 8) || public.encode_base32(v_low, 8);
  end
  $body$;
end
$do$;
