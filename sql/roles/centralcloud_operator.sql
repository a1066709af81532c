-- Who acts at night: replays, discards and restores dead letters, runs jobs, decides about sources, and sees what a
-- viewer sees. It changes rows through functions only, which write down who did it.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_operator') is null then
    create role centralcloud_operator nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_operator: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
