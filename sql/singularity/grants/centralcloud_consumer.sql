-- What the consumer needs on a source beside its queues, which create_queue grants one by one.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_consumer') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_consumer', 'public', 'usage') then
    grant usage on schema public to centralcloud_consumer;
  end if;
  grant usage on schema pgmq to centralcloud_consumer;
  grant select on public.singularity_source to centralcloud_consumer;
end
$$;
