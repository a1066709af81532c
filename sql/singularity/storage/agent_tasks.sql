-- Makes agent_tasks a hypertable where timescaledb is there to be used: installed already, or offered
-- by a server that has loaded it. A plain table elsewhere; both give the same results.
-- The Apache edition is enough. Idempotent; rows that are there already are moved into chunks, under
-- an exclusive lock of the table.
do $$
begin
  if not exists (select from pg_catalog.pg_extension e where e.extname = 'timescaledb') then
    if not exists (select from pg_catalog.pg_available_extensions e where e.name = 'timescaledb')
       or pg_catalog.current_setting('shared_preload_libraries') !~ '\mtimescaledb\M' then
      return;
    end if;
    create extension timescaledb;
  end if;
  execute $query$
    select public.create_hypertable('public.agent_tasks', 'created_at', if_not_exists => true, migrate_data => true)
  $query$;
end
$$;
