-- Who captures changes enters them, and never changes an entry.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_auditor;
  grant select on central.sources to centralcloud_auditor;
  grant select, insert on central.change_log to centralcloud_auditor;
end
$$;
