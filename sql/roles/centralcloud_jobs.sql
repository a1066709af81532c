-- Who runs the schedules. It may log in, because pg_cron runs a job only as a role that may; it has no
-- password, so that nobody else does.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_jobs') is null then
    create role centralcloud_jobs login;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_jobs: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
