-- The data key of this database session: a secret that seals up to 1,000 states in at most five minutes. Gives
-- it (64 hexadecimal digits, an OpenPGP passphrase) and, in base64 on one line, itself sealed for the public key.
-- A new one is made where there is none yet, where it is spent or old, and where it belongs to another session key.
--
-- It is kept nowhere. The session setting centralcloud.data_key holds a random number, the time, the sealed data
-- key and a hash of these three that takes the session key's secret to make; the data key is made of that secret
-- and the number. So the secret alone, which a dump has, gives no data key, and neither does the setting alone, which
-- whoever uses this connection can read; and a setting that somebody else wrote does not count.
--
-- Secrets pass through plain assignments only: those are no statements, so no log, plan or statistics has them.
-- The schema of pgcrypto is written into the function, because to look it up takes such statements.
-- Locks: nothing.
do $do$
begin
  execute pg_catalog.replace(
    $function$
      create or replace function public.session_data_key(p_public_key bytea, p_secret text, p_seals integer)
      returns text[]
      language plpgsql
      volatile
      set search_path = pg_catalog, pg_temp
      as $body$
      declare
        v_now constant bigint := pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()))::bigint;
        v_kept constant text[] := pg_catalog.string_to_array(
          pg_catalog.current_setting('centralcloud.data_key', true), ' ');
        v_used text := pg_catalog.current_setting('centralcloud.data_key_seals', true);
        v_number text;
        v_sealed text;
        v_described text;
      begin
        if pg_catalog.cardinality(v_kept) = 4
           and v_kept[4] = pg_catalog.encode(
             pgcrypto.hmac(v_kept[1] || ' ' || v_kept[2] || ' ' || v_kept[3], p_secret, 'sha256'), 'hex')
        then
          -- Only now it is known to be ours.
          if v_now - v_kept[2]::bigint between 0 and 299 and v_used ~ '^[0-9]{1,4}$' then
            if v_used::integer + p_seals <= 1000 then
              v_used := pg_catalog.set_config(
                'centralcloud.data_key_seals', (v_used::integer + p_seals)::text, false);
              return array[
                pg_catalog.encode(pgcrypto.hmac('data key ' || v_kept[1], p_secret, 'sha256'), 'hex'),
                v_kept[3]
              ];
            end if;
          end if;
        end if;

        v_number := pg_catalog.encode(pgcrypto.gen_random_bytes(32), 'hex');
        v_sealed := pg_catalog.translate(
          pg_catalog.encode(
            pgcrypto.pgp_pub_encrypt_bytea(
              pg_catalog.convert_to(
                pg_catalog.encode(pgcrypto.hmac('data key ' || v_number, p_secret, 'sha256'), 'hex'), 'UTF8'),
              p_public_key, 'cipher-algo=aes256, compress-algo=0, disable-mdc=0'),
            'base64'),
          e'\n', '');
        v_described := v_number || ' ' || v_now || ' ' || v_sealed;
        v_described := pg_catalog.set_config(
          'centralcloud.data_key',
          v_described || ' ' || pg_catalog.encode(pgcrypto.hmac(v_described, p_secret, 'sha256'), 'hex'), false);
        v_used := pg_catalog.set_config('centralcloud.data_key_seals', p_seals::text, false);
        return array[
          pg_catalog.encode(pgcrypto.hmac('data key ' || v_number, p_secret, 'sha256'), 'hex'),
          v_sealed
        ];
      end
      $body$
    $function$,
    'pgcrypto.',
    public.schema_of_pgcrypto() || '.');
end
$do$;
revoke execute on function public.session_data_key(bytea, text, integer) from public;
