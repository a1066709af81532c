-- Who looks, and changes nothing: queues, jobs, dead letters, actions and what the central store has, without the states of
-- sessions and their seals. A login of a person, or of a console that only shows.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_viewer') is null then
    create role centralcloud_viewer nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_viewer: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
