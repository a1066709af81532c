-- Owns every object of ours in both databases. Nobody logs in as it; whoever migrates is a member of it.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_owner') is null then
    create role centralcloud_owner nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_owner: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;

-- Who made a role may grant it, and from PostgreSQL 16 on is no member of it until it does.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_owner') is not null
     and not pg_catalog.pg_has_role(current_user, 'centralcloud_owner', 'usage') then
    execute 'grant centralcloud_owner to current_user'
      || case when pg_catalog.current_setting('server_version_num')::integer >= 160000
              then ' with inherit true, set true' else '' end;
  end if;
exception
  when insufficient_privilege then
    raise warning '% may not act as the role centralcloud_owner: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
  when unique_violation or internal_error then
    null;
end
$$;
