-- The number of a lane (source × queue); made on first use. Normally one index look-up and no lock.
-- A source that no consumer has registered (its row was lost in a restore, say) is entered under its id.
create or replace function central.lane_id(p_source_id uuid, p_queue text)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane_id integer;
begin
  select l.lane_id into v_lane_id
    from central.lanes l
   where l.source_id = p_source_id and l.queue = p_queue;
  if found then
    return v_lane_id;
  end if;

  insert into central.sources (source_id, name)
  values (p_source_id, p_source_id::text)
  on conflict (source_id) do nothing;

  insert into central.lanes (source_id, queue)
  values (p_source_id, p_queue)
  on conflict (source_id, queue) do nothing;

  -- A new statement, so that it sees the row also where another session has just made it.
  select l.lane_id into strict v_lane_id
    from central.lanes l
   where l.source_id = p_source_id and l.queue = p_queue;
  return v_lane_id;
end
$$;
revoke execute on function central.lane_id(uuid, text) from public;
