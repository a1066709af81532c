-- Keeps why the rest of a source's slot can't be read, where only reading it told that: so others know it,
-- too, and nobody tries again. central.begin_capture forgets it. Nothing happens where nothing is captured.
-- With its owner's rights: who captures may not write to the table itself.
-- Locks: the row of capture_cursors.
create or replace function central.report_capture_loss(p_source_id uuid, p_reason text)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  update central.capture_cursors c set lost_reason = p_reason where c.source_id = p_source_id;
$$;
revoke execute on function central.report_capture_loss(uuid, text) from public;
