-- Seals a session's state for CentralCloud: {alg, key_id, data}, data being base64 on one line.
--
-- What is sealed is the state's text, so numbers keep every digit. Raises an error (P0001) when no
-- session key is active, or when this database can't seal for it; whoever calls this decides what then
-- becomes of the session. No error holds any of the state. Each call gives other bytes.
-- Locks: nothing; it reads session_keys.
create or replace function public.seal_session_state(p_state jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key public.session_keys;
  v_sealed bytea;
begin
  if p_state is null then
    raise exception 'there is no state to seal';
  end if;
  select k.* into v_key from public.session_keys k where k.active;
  if not found then
    raise exception 'no session key is active'
      using hint = 'Run `centralcloud keys add --from FILE --activate`.';
  end if;

  begin
    v_sealed := public.seal_bytes(v_key.algorithm, v_key.public_key,
                                  pg_catalog.convert_to(p_state::text, 'UTF8'));
  exception when data_exception then
    -- A character that can't be encoded is quoted by PostgreSQL's own error.
    raise exception 'the state can''t be sealed for session key % (%)',
      pg_catalog.quote_literal(v_key.key_id), sqlstate;
  end;

  return pg_catalog.jsonb_build_object(
    'alg', v_key.algorithm,
    'key_id', v_key.key_id,
    'data', pg_catalog.translate(pg_catalog.encode(v_sealed, 'base64'), e'\n', '')
  );
end
$$;
revoke execute on function public.seal_session_state(jsonb) from public;
