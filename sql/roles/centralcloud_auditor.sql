-- Who reads changes from the write-ahead log (change data capture) and writes them down centrally.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    create role centralcloud_auditor nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_auditor: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;

-- A slot may be made and read by this attribute only. It is not inherited: a login needs it itself, or
-- "set role centralcloud_auditor".
do $$
begin
  if exists (select from pg_catalog.pg_roles r where r.rolname = 'centralcloud_auditor' and not r.rolreplication) then
    alter role centralcloud_auditor replication;
  end if;
exception
  when insufficient_privilege then
    raise warning '% may not let the role centralcloud_auditor replicate: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
  when internal_error then
    -- "tuple concurrently updated": the other database did it.
    null;
end
$$;
