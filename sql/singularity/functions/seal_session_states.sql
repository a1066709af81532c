-- Seals states of sessions for CentralCloud; the n-th result is the n-th state's: {alg, key_id, data}, and data_key
-- where alg is openpgp-data-key. data and data_key are base64 on one line.
--
-- What is sealed is a line that says whose state it is ({source, agent, session, version}, version being the
-- message's synced_at in UTC), then the state's text, so numbers keep every digit. A state that turns up
-- under another name is refused by its reader. States that are sealed for a key that does not bind are sealed alone,
-- for consumers of an older version.
--
-- A key of openpgp seals a data key (session_data_key), and that the states: two OpenPGP messages, the second one
-- symmetric. Its passphrase is random, so it is hashed once. Nothing is compressed: its length would tell about its
-- content. Any other key seals each state by itself.
--
-- Raises an error when no session key is active (55000), when this database can't seal for it, or when one of the
-- states can't be sealed (class 22); whoever calls this decides what then becomes of the sessions. No error, plan or
-- statistics holds any of the states. Each call gives other bytes.
-- Locks: nothing; it reads session_keys and singularity_source. A transaction whose statements all see one moment
-- (repeatable read) locks the row of singularity_source, shared, since that may have got another id since (renew).
do $do$
begin
  execute pg_catalog.replace(
    $function$
      create or replace function public.seal_session_states(
        p_agent_ids text[],
        p_session_ids text[],
        p_versions timestamptz[],
        p_states jsonb[]
      )
      returns jsonb[]
      language plpgsql
      volatile
      set search_path = pg_catalog, pg_temp
      as $body$
      declare
        v_count constant integer := pg_catalog.cardinality(p_states);
        v_key public.session_keys;
        v_source_id uuid;
        v_data_key text[];
        v_plaintext bytea;
        v_sealed jsonb[] := array[]::jsonb[];
      begin
        select k.* into v_key from public.session_keys k where k.active;
        if not found then
          raise exception 'no session key is active'
            using errcode = 'object_not_in_prerequisite_state', hint = 'Run `centralcloud keys add --from FILE --activate`.';
        end if;
        if v_key.binds then
          if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
            -- What the transaction sees may be older than the source's id. Then this fails, and the next sync seals.
            perform from public.singularity_source o for share;
          end if;
          select o.source_id into strict v_source_id from public.singularity_source o;
          if v_key.algorithm = 'openpgp' then
            -- Without it, somebody else may have made what is called below.
            if not exists (select from pg_catalog.pg_extension e where e.extname = 'pgcrypto') then
              raise exception 'session keys of algorithm openpgp need the extension pgcrypto, which this database does not have';
            end if;
            v_data_key := public.session_data_key(v_key.public_key, v_key.data_key_secret, v_count);
          end if;
        end if;

        for v_place in 1..v_count loop
          if p_states[v_place] is null then
            raise exception 'there is no state to seal';
          end if;
          v_plaintext := pg_catalog.convert_to(p_states[v_place]::text, 'UTF8');
          if v_key.binds then
            v_plaintext := pg_catalog.convert_to(
              pg_catalog.json_build_object(
                'source', v_source_id,
                'agent', p_agent_ids[v_place],
                'session', p_session_ids[v_place],
                'version', pg_catalog.to_char(
                  p_versions[v_place] at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
              )::text || e'\n', 'UTF8') || v_plaintext;
          end if;
          if v_data_key is null then
            v_sealed[v_place] := pg_catalog.jsonb_build_object(
              'alg', v_key.algorithm,
              'key_id', v_key.key_id,
              'data', pg_catalog.translate(
                pg_catalog.encode(public.seal_bytes(v_key.algorithm, v_key.public_key, v_plaintext), 'base64'),
                e'\n', '')
            );
          else
            v_sealed[v_place] := pg_catalog.jsonb_build_object(
              'alg', 'openpgp-data-key',
              'key_id', v_key.key_id,
              'data_key', v_data_key[2],
              'data', pg_catalog.translate(
                pg_catalog.encode(
                  pgcrypto.pgp_sym_encrypt_bytea(
                    v_plaintext, v_data_key[1],
                    's2k-mode=0, s2k-digest-algo=sha256, cipher-algo=aes256, compress-algo=0, disable-mdc=0'),
                  'base64'),
                e'\n', '')
            );
          end if;
        end loop;
        return v_sealed;
      exception
        when data_exception then
          -- A character that can't be encoded is quoted by PostgreSQL's own error.
          raise exception 'the state can''t be sealed for session key % (%)',
            pg_catalog.quote_literal(v_key.key_id), sqlstate
            using errcode = sqlstate;
      end
      $body$
    $function$,
    'pgcrypto.',
    public.schema_of_pgcrypto() || '.');
end
$do$;
revoke execute on function public.seal_session_states(text[], text[], timestamptz[], jsonb[]) from public;
