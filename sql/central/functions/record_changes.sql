-- Enters captured changes of a source into the change log, and gives how many were not there yet: any
-- change may be entered any number of times. p_changes is a JSON array of them.
--
-- Where p_lsn is given, everything of the source before it has been entered, this call included, and the
-- cursor goes there in the same transaction. A large transaction of the source comes in several calls of
-- one transaction here, the last of them with p_lsn: so others see all of it, or none.
-- With its owner's rights: who captures may not change or remove an entry.
-- Locks: the rows it inserts; then the row of capture_cursors; ensure_change_log_partition on a day's first.
create or replace function central.record_changes(
  p_source_id uuid,
  p_changes jsonb,
  p_lsn bigint default null,
  p_source_time timestamptz default null,
  p_timeline integer default null,
  p_reader text default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set jit = off
as $$
declare
  v_recorded integer := 0;
  v_day date;
begin
  for v_attempt in 1..2 loop
    begin
      insert into central.change_log
        (source_id, lsn, ordinal, xid, committed_at, table_name, operation, key, old_values, new_values,
         unchanged, agent_id)
      select p_source_id, c.lsn, c.ordinal, c.xid, c.committed_at, c.table_name, c.operation,
             c.key, c.old_values, c.new_values, c.unchanged,
             -- Longer ones are valid nowhere, and an index would refuse the longest.
             case when pg_catalog.length(a.agent_id) <= 512 then a.agent_id end
        from pg_catalog.jsonb_to_recordset(p_changes) as c (
               lsn bigint, ordinal integer, xid bigint, committed_at timestamptz, table_name text,
               operation text, key jsonb, old_values jsonb, new_values jsonb, unchanged text[]
             )
       cross join lateral (
         select coalesce(c.new_values ->> 'agent_id', c.old_values ->> 'agent_id', c.key ->> 'agent_id')
       ) a (agent_id)
      on conflict (source_id, lsn, ordinal, committed_at) do nothing;
      get diagnostics v_recorded = row_count;
      exit;
    exception
      -- There is no partition for a row, and so nothing was entered.
      when check_violation then
        if v_attempt = 2 then
          raise;
        end if;
        for v_day in
          select distinct (c.committed_at at time zone 'UTC')::date
            from pg_catalog.jsonb_to_recordset(p_changes) as c (committed_at timestamptz)
        loop
          perform central.ensure_change_log_partition(v_day);
        end loop;
    end;
  end loop;

  if p_lsn is not null then
    perform central.advance_capture_cursor(p_source_id, p_lsn, p_source_time, p_timeline, p_reader);
  end if;
  return v_recorded;
end
$$;
revoke execute on function central.record_changes(uuid, jsonb, bigint, timestamptz, integer, text) from public;
