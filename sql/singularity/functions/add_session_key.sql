-- Makes one of CentralCloud's public keys known here, and on request the one that sessions are sealed for.
--
-- A key is taken in only if this database can seal for it, and never if it holds private material. Key
-- ids are not reused: the same key again changes nothing, another key under the same id is refused.
-- Activation retires the key that was active in the same transaction, so exactly one is active at any
-- time; a retired key may be activated again.
-- With its owner's rights: operators may not write to the table themselves.
-- Locks: session_keys against other changes, and not against sealing, which only reads.
create or replace function public.add_session_key(
  p_key_id text,
  p_algorithm text,
  p_public_key bytea,
  p_activate boolean default false
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_known public.session_keys;
begin
  if p_key_id is null or p_key_id !~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$' then
    raise exception 'a key id has 1 to 128 letters, digits, dots, colons, dashes and underscores, a letter or digit first';
  end if;

  lock table public.session_keys in share row exclusive mode;
  select k.* into v_known from public.session_keys k where k.key_id = p_key_id;
  if found and (v_known.algorithm, v_known.public_key) is distinct from (p_algorithm, p_public_key) then
    raise exception 'session key % is known already, with another public key', pg_catalog.quote_literal(p_key_id)
      using hint = 'Key ids are not reused; generate the new key under a new one.';
  end if;

  if p_algorithm = 'openpgp' then
    begin
      if public.openpgp_packet_tags(p_public_key) && array[5, 7] then
        raise exception 'it holds a private key; only the public one may come here';
      end if;
    exception when raise_exception or array_subscript_error then
      raise exception 'session key % can''t be used: %', pg_catalog.quote_literal(p_key_id),
        case sqlstate when 'P0001' then sqlerrm else 'it is not a whole OpenPGP key' end;
    end;
  elsif p_algorithm = 'x25519-sealedbox' and (pg_catalog.octet_length(p_public_key) is distinct from 32
      or p_public_key = pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex')) then
    -- What is sealed for zero, anybody can open.
    raise exception 'session key % can''t be used: an X25519 key has 32 bytes, not all of them zero',
      pg_catalog.quote_literal(p_key_id);
  end if;
  -- Whether it works is found out here, and not by the sessions.
  begin
    if public.seal_bytes(p_algorithm, p_public_key, '\x00') is null then
      raise exception 'there is no key';
    end if;
  exception when others then
    raise exception 'session key % can''t be used: %', pg_catalog.quote_literal(p_key_id), sqlerrm;
  end;

  insert into public.session_keys (key_id, algorithm, public_key)
  values (p_key_id, p_algorithm, p_public_key)
  on conflict (key_id) do nothing;

  if p_activate then
    update public.session_keys k
       set active = false, retired_at = pg_catalog.clock_timestamp()
     where k.active and k.key_id <> p_key_id;
    update public.session_keys k
       set active = true, retired_at = null
     where not k.active and k.key_id = p_key_id;
  end if;
end
$$;
revoke execute on function public.add_session_key(text, text, bytea, boolean) from public;
