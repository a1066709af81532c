-- Keeps what keeps a source's reader from going on, such as a change that can't be decoded: so an operator
-- sees it also while nobody reads. central.advance_capture_cursor forgets it once the reader has gone on.
-- With its owner's rights: who captures may not write to the table itself.
-- Locks: the row of capture_cursors.
create or replace function central.report_capture_fault(p_source_id uuid, p_fault text)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  update central.capture_cursors c set fault = p_fault where c.source_id = p_source_id;
$$;
revoke execute on function central.report_capture_fault(uuid, text) from public;
