-- What the owner of our objects needs of what belongs to others: a place for the objects, the queues, the
-- functions of extensions that our functions call, and to create in the database, which publishing takes. Each queue is granted by create_queue; the default
-- privileges are for a queue that the migrating role makes anew by pgmq.create.
do $$
declare
  v_statement text;
begin
  if pg_catalog.to_regrole('centralcloud_owner') is null then
    return;
  end if;

  grant usage, create on schema public to centralcloud_owner;
  grant usage on schema pgmq to centralcloud_owner;
  grant select on pgmq.meta to centralcloud_owner;
  alter default privileges in schema pgmq grant select, insert, update, delete on tables to centralcloud_owner;
  -- Written by the trigger of a queue that notifies, with the rights of whoever sends; since pgmq 1.8.
  if pg_catalog.to_regclass('pgmq.notify_insert_throttle') is not null then
    grant select, update on pgmq.notify_insert_throttle to centralcloud_owner;
  end if;

  -- Only who may pass it on is able to; doctor says where it is missing and a capture needs it.
  if pg_catalog.has_database_privilege(current_user, pg_catalog.current_database(), 'create with grant option') then
    execute pg_catalog.format('grant create on database %I to centralcloud_owner', pg_catalog.current_database());
  end if;

  -- Public in most installations, and then there is nothing to do.
  for v_statement in
    select s.statement
      from pg_catalog.pg_depend d
      join pg_catalog.pg_extension e on e.oid = d.refobjid
      join pg_catalog.pg_proc p on p.oid = d.objid
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     cross join lateral (
       select pg_catalog.format('grant usage on schema %I to centralcloud_owner', n.nspname) as statement
        where not pg_catalog.has_schema_privilege('centralcloud_owner', n.oid, 'usage')
       union all
       select pg_catalog.format('grant execute on function %s to centralcloud_owner', p.oid::regprocedure)
        where not pg_catalog.has_function_privilege('centralcloud_owner', p.oid, 'execute')
     ) s
     where d.classid = 'pg_catalog.pg_proc'::regclass
       and d.refclassid = 'pg_catalog.pg_extension'::regclass
       and d.deptype = 'e'
       and (e.extname, p.proname) in (
             ('pgcrypto', 'pgp_pub_encrypt_bytea'),
             ('pgcrypto', 'pgp_sym_encrypt_bytea'),
             ('pgcrypto', 'hmac'),
             ('pgcrypto', 'gen_random_bytes'),
             ('pgsodium', 'crypto_box_seal'),
             ('pgx_ulid', 'gen_monotonic_ulid'),
             ('ulid', 'gen_monotonic_ulid')
           )
  loop
    execute v_statement;
  end loop;
exception
  when insufficient_privilege then
    raise warning '% may not grant the role centralcloud_owner what it needs: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
