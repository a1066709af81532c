-- Who captures changes enters them through functions only, and never changes or removes an entry. It asks whether a
-- database is the source that it says, and says which server that is only where nobody has: a claim moves the lanes of consumers.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_auditor;
  grant select on central.sources, central.change_log, central.capture_cursors to centralcloud_auditor;
  grant execute
     on function central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.claim_captured_source(uuid, text, text, bigint, integer, timestamptz, text, text[]),
                 central.begin_capture(uuid, text, text, text, text, integer, bigint, timestamptz, text, text, bigint),
                 central.record_changes(uuid, jsonb, bigint, timestamptz, integer, text),
                 central.advance_capture_cursor(uuid, bigint, timestamptz, integer, text, bigint),
                 central.report_capture_loss(uuid, text),
                 central.report_capture_fault(uuid, text),
                 central.mark_capture_gap(uuid, text, bigint, bigint, timestamptz, text, text),
                 central.end_capture(uuid, text, text),
                 central.maintain_change_log(integer)
     to centralcloud_auditor;
end
$$;
