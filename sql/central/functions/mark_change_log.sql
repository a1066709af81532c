-- Enters a mark into the change log: where a capture began, missed something (gap) or ended. Keys that are
-- null are left out.
-- Locks: as record_changes.
create or replace function central.mark_change_log(
  p_source_id uuid,
  p_operation text,
  p_lsn bigint,
  p_at timestamptz,
  p_values jsonb
)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select central.record_changes(
    p_source_id,
    pg_catalog.jsonb_build_array(
      pg_catalog.jsonb_build_object(
        'lsn', p_lsn, 'ordinal', 0, 'committed_at', p_at, 'table_name', '*', 'operation', p_operation,
        'new_values', pg_catalog.jsonb_strip_nulls(p_values)
      )
    )
  );
$$;
revoke execute on function central.mark_change_log(uuid, text, bigint, timestamptz, jsonb) from public;
