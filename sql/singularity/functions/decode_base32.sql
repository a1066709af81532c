-- The number that up to ten characters of Crockford's base 32 stand for. Lower case is read as upper
-- case, I and L as 1, O as 0; any other character is an error.
create or replace function public.decode_base32(p_text text)
returns bigint
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_text constant text := pg_catalog.translate(pg_catalog.upper(p_text), 'ILO', '110');
  v_value bigint := 0;
  v_digit integer;
begin
  for v_index in 1 .. pg_catalog.length(v_text) loop
    v_digit := pg_catalog.strpos('0123456789ABCDEFGHJKMNPQRSTVWXYZ', pg_catalog.substr(v_text, v_index, 1)) - 1;
    if v_digit < 0 then
      raise exception '% is not base 32: character % is not one of its digits', p_text, v_index
        using errcode = '22023';
    end if;
    v_value := (v_value << 5) | v_digit;
  end loop;
  return v_value;
end
$$;
