-- Seals bytes so that only the holder of a private key can open them; the one place that knows how.
--
-- x25519-sealedbox is libsodium's sealed box, by pgsodium; openpgp is a message for a public key, by
-- pgcrypto, with AES-256 and its integrity protection. Each extension is found where it was installed,
-- and named only when it is needed, so this function compiles without either. Never quotes the bytes
-- in an error. Each call gives other bytes, because each seal has a key of its own. Locks nothing.
create or replace function public.seal_bytes(p_algorithm text, p_public_key bytea, p_plaintext bytea)
returns bytea
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_extension constant text := case p_algorithm
    when 'x25519-sealedbox' then 'pgsodium'
    when 'openpgp' then 'pgcrypto'
  end;
  v_schema text;
  v_sealed bytea;
begin
  if v_extension is null then
    raise exception 'there is no session key algorithm %; known are openpgp and x25519-sealedbox',
      pg_catalog.quote_nullable(p_algorithm);
  end if;

  select n.nspname into v_schema
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
   where e.extname = v_extension;
  if v_schema is null then
    raise exception 'session keys of algorithm % need the extension %, which this database does not have',
      p_algorithm, v_extension;
  end if;

  if v_extension = 'pgsodium' then
    execute pg_catalog.format('select %I.crypto_box_seal($1, $2)', v_schema)
       into v_sealed using p_plaintext, p_public_key;
  else
    -- Nothing is compressed: its length would tell about its content.
    execute pg_catalog.format(
              'select %I.pgp_pub_encrypt_bytea($1, $2, '
              '''cipher-algo=aes256, compress-algo=0, disable-mdc=0'')', v_schema)
       into v_sealed using p_plaintext, p_public_key;
  end if;
  return v_sealed;
end
$$;
revoke execute on function public.seal_bytes(text, bytea, bytea) from public;
