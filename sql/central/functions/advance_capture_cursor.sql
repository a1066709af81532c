-- Says that everything of a source before p_lsn is in the change log, and that its reader lives. Never goes
-- back on the same timeline, so that a reader which was replaced without noticing does no harm.
-- p_publication_id is kept where none is known: for captures that began before it was kept.
-- Fails where nothing is captured of the source (P0001): whoever ended it meant it.
-- With its owner's rights: who captures may not write to the table itself.
-- Locks: the row of capture_cursors.
create or replace function central.advance_capture_cursor(
  p_source_id uuid,
  p_lsn bigint,
  p_source_time timestamptz,
  p_timeline integer,
  p_reader text,
  p_publication_id bigint default null
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update central.capture_cursors c
     set lsn = case when c.timeline = p_timeline then greatest(c.lsn, p_lsn) else p_lsn end,
         -- It has gone on.
         fault = case when p_lsn > c.lsn then null else c.fault end,
         source_time = greatest(c.source_time, p_source_time),
         timeline = p_timeline,
         seen_at = pg_catalog.clock_timestamp(),
         reader = p_reader,
         publication_id = coalesce(c.publication_id, p_publication_id)
   where c.source_id = p_source_id;
  if not found then
    raise exception 'the capture of source % has been ended', p_source_id;
  end if;
end
$$;
revoke execute on function central.advance_capture_cursor(uuid, bigint, timestamptz, integer, text, bigint) from public;
