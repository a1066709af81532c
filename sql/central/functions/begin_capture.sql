-- Begins the capture of a source at p_lsn, with the slot that was just made there, and marks it in the log:
-- `begin` where nothing was captured of it, or `gap` where something was, with what lies between. A fresh
-- snapshot, if one is wanted, is entered in the same transaction with ordinals from 1.
-- p_publication_id is that of the publication which the slot depends on, where its output plugin has one.
-- With its owner's rights: who captures may not write to the tables itself.
-- Locks: the row of sources; the row of capture_cursors; then as record_changes.
create or replace function central.begin_capture(
  p_source_id uuid,
  p_source_name text,
  p_slot_name text,
  p_plugin text,
  p_system_id text,
  p_timeline integer,
  p_lsn bigint,
  p_source_time timestamptz,
  p_reader text,
  p_reason text default null,
  p_publication_id bigint default null
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_from bigint;
begin
  perform central.register_source(p_source_id, p_source_name);
  select c.lsn into v_from from central.capture_cursors c where c.source_id = p_source_id for update;

  insert into central.capture_cursors as c
    (source_id, slot_name, plugin, system_id, timeline, lsn, source_time, reader, publication_id)
  values (p_source_id, p_slot_name, p_plugin, p_system_id, p_timeline, p_lsn, p_source_time, p_reader,
          p_publication_id)
  on conflict (source_id) do update
    set slot_name = excluded.slot_name,
        plugin = excluded.plugin,
        system_id = excluded.system_id,
        timeline = excluded.timeline,
        lsn = excluded.lsn,
        source_time = excluded.source_time,
        seen_at = pg_catalog.clock_timestamp(),
        reader = excluded.reader,
        publication_id = excluded.publication_id,
        lost_reason = null,
        fault = null;

  perform central.mark_change_log(
    p_source_id,
    case when v_from is null then 'begin' else 'gap' end,
    p_lsn,
    p_source_time,
    pg_catalog.jsonb_build_object(
      'from', '0/0'::pg_lsn + v_from::numeric,
      'to', '0/0'::pg_lsn + p_lsn::numeric,
      'slot', p_slot_name,
      'plugin', p_plugin,
      'reason', p_reason,
      'by', p_reader
    )
  );
end
$$;
revoke execute
   on function central.begin_capture(uuid, text, text, text, text, integer, bigint, timestamptz, text, text, bigint)
 from public;
