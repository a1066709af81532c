-- Marks in the change log that changes of one table of a source are missing: those between p_from and p_to,
-- or from p_to on where p_from is null.
-- With its owner's rights: who captures may not write to the table itself.
-- Locks: as record_changes.
create or replace function central.mark_capture_gap(
  p_source_id uuid,
  p_table text,
  p_from bigint,
  p_to bigint,
  p_at timestamptz,
  p_reason text,
  p_reader text
)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select central.mark_change_log(
    p_source_id, 'gap', p_to, p_at,
    pg_catalog.jsonb_build_object(
      'table', p_table,
      'from', '0/0'::pg_lsn + coalesce(p_from, p_to)::numeric,
      'to', case when p_from is not null then '0/0'::pg_lsn + p_to::numeric end,
      'reason', p_reason,
      'by', p_reader
    )
  );
$$;
revoke execute on function central.mark_capture_gap(uuid, text, bigint, bigint, timestamptz, text, text) from public;
