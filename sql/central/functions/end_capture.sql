-- Ends the capture of a source, after its slot has been dropped: forgets how far it came, and marks the end
-- in the log, whose entries stay. Gives whether anything was captured of it.
-- With its owner's rights: who captures may not write to the tables itself.
-- Locks: the row of capture_cursors; then as record_changes.
create or replace function central.end_capture(p_source_id uuid, p_reader text, p_reason text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lsn bigint;
begin
  delete from central.capture_cursors c where c.source_id = p_source_id returning c.lsn into v_lsn;
  if not found then
    return false;
  end if;
  perform central.mark_change_log(
    p_source_id, 'end', v_lsn, pg_catalog.clock_timestamp(),
    pg_catalog.jsonb_build_object('from', '0/0'::pg_lsn + v_lsn::numeric, 'reason', p_reason, 'by', p_reader)
  );
  return true;
end
$$;
revoke execute on function central.end_capture(uuid, text, text) from public;
