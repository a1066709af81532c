-- A consumer says which sources it works on, from each id to when its server was started, and learns which of them it
-- has to claim anew: another server has the id now, by an operator's decision or because the source was restarted, or
-- the store was restored and does not know it. Called with each heartbeat, so that one statement is enough for all.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the consumer's own row, where it says something new.
create or replace function central.confirm_sources(p_consumer_id uuid, p_sources jsonb)
returns table (source_id uuid)
language sql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
  update central.consumers c
     set sources = p_sources
   where c.id = p_consumer_id and c.sources is distinct from p_sources;

  select p.key::uuid
    from pg_catalog.jsonb_each_text(p_sources) p (key, started_at)
   where not exists (
     select
       from central.sources s
      where s.source_id = p.key::uuid
        and pg_catalog.to_char(s.server_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') = p.started_at
   );
$$;
revoke execute on function central.confirm_sources(uuid, jsonb) from public;
