-- A learned pattern as a message for CentralCloud; contract pattern/1.
-- In PL/pgSQL, since PostgreSQL starts and ends an executor for each call of a function in SQL that it can't inline.
create or replace function public.pattern_message(
  p_agent_id text,
  p_pattern jsonb,
  p_confidence numeric,
  p_learned_at timestamptz
)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return pg_catalog.jsonb_build_object(
    'agent_id', p_agent_id,
    'pattern', p_pattern,
    'confidence', p_confidence,
    'learned_at', p_learned_at,
    'source', 'singularity-learning'
  );
end
$$;
revoke execute on function public.pattern_message(text, jsonb, numeric, timestamptz) from public;
