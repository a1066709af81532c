-- The tags of the packets of an OpenPGP key in its binary form, in order: 6 and 14 are public keys and
-- subkeys, 5 and 7 are private ones (RFC 9580, sections 4.2 and 5).
--
-- Raises an error for what is no whole sequence of packets. Reads nothing, so it locks nothing.
create or replace function public.openpgp_packet_tags(p_packets bytea)
returns integer[]
language plpgsql
immutable
strict
set search_path = pg_catalog, pg_temp
as $$
declare
  v_end constant integer := pg_catalog.octet_length(p_packets);
  v_at integer := 0;
  v_first integer;
  v_tags integer[] := array[]::integer[];
  v_length_bytes integer;
  v_length bigint;
begin
  while v_at < v_end loop
    v_first := pg_catalog.get_byte(p_packets, v_at);
    v_at := v_at + 1;
    if v_first < 128 then
      raise exception 'it is not in the binary form of OpenPGP';
    elsif v_first >= 192 then
      -- The present format: one byte, or two from 192, or four after 255; keys have no partial lengths.
      v_tags := v_tags || (v_first & 63);
      v_length := pg_catalog.get_byte(p_packets, v_at);
      v_at := v_at + 1;
      if v_length between 192 and 223 then
        v_length := ((v_length - 192) << 8) + 192 + pg_catalog.get_byte(p_packets, v_at);
        v_at := v_at + 1;
        v_length_bytes := 0;
      elsif v_length between 224 and 254 then
        raise exception 'it is not a whole OpenPGP key';
      else
        v_length_bytes := case when v_length = 255 then 4 else 0 end;
      end if;
    else
      -- The format before it: the header says how many bytes the length has; 3 would be "to the end".
      v_tags := v_tags || ((v_first >> 2) & 15);
      if v_first & 3 = 3 then
        raise exception 'it is not a whole OpenPGP key';
      end if;
      v_length_bytes := 1 << (v_first & 3);
    end if;
    if v_length_bytes > 0 then
      v_length := 0;
      for v_byte in v_at .. v_at + v_length_bytes - 1 loop
        v_length := (v_length << 8) + pg_catalog.get_byte(p_packets, v_byte);
      end loop;
      v_at := v_at + v_length_bytes;
    end if;
    if v_at + v_length > v_end then
      raise exception 'it is not a whole OpenPGP key';
    end if;
    v_at := v_at + v_length;
  end loop;
  return v_tags;
end
$$;
revoke execute on function public.openpgp_packet_tags(bytea) from public;
