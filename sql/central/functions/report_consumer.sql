-- A replica says that it lives, which session keys it holds, and whether it opens seals that name their session (an
-- older version says nothing of either); the first time, it is entered. Replicas that were silent for a day are
-- forgotten, and those whose last word is dated a day ahead, because the clock was set back. Also asked to find out whether the central store can be written to.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the replica's own row, and those it deletes unless another call has them.
create or replace function central.report_consumer(
  p_id uuid,
  p_version text,
  p_host text,
  p_held_keys jsonb default null,
  p_opens_bound_seals boolean default false
)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  delete from central.consumers c
   where c.id in (
     select s.id
       from central.consumers s
      where not s.last_seen_at between pg_catalog.clock_timestamp() - interval '1 day'
                                   and pg_catalog.clock_timestamp() + interval '1 day'
        for update skip locked
   );

  insert into central.consumers as c (id, version, host, started_at, last_seen_at, held_keys, opens_bound_seals)
  values (p_id, p_version, p_host, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), p_held_keys,
          p_opens_bound_seals)
  on conflict (id) do update
    set last_seen_at = excluded.last_seen_at,
        held_keys = excluded.held_keys,
        opens_bound_seals = excluded.opens_bound_seals;
$$;
revoke execute on function central.report_consumer(uuid, text, text, jsonb, boolean) from public;
