-- Makes the publication of the captured tables, or brings it up to date: what the output plugin pgoutput
-- gives a capture is decided here. Gives whether anything was changed. May run any number of times.
--
-- A name without a schema is one of public. p_left_out names columns, as table.column, that are never
-- published. Of agent_sessions only the columns named below are, so that neither its state nor a column of
-- the future is among them.
-- PostgreSQL refuses an update or delete of a published row that it can't identify by what is published. No
-- statement of an application must fail because of us, so a table of which that is true is not published.
-- With its owner's rights, because only a table's owner may publish it.
-- Locks: an advisory lock until the end of the transaction; each table in share update exclusive mode where
-- something changes.
create or replace function public.publish_for_capture(p_tables text[], p_left_out text[] default '{}')
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_publication constant text := 'singularity_centralcloud_cdc';
  v_session_columns constant text[] :=
    array['id', 'agent_id', 'confidence', 'created_at', 'last_synced_at', 'unsynced', 'sync_error'];
  v_table record;
  v_problem text;
  v_clauses text[] := array[]::text[];
  v_is_current boolean := true;
begin
  -- "ccpb" in ASCII.
  perform pg_catalog.pg_advisory_xact_lock(1667461218);

  for v_table in
    select n.name, c.relkind, c.relhassubclass, c.relpersistence, c.relreplident,
           coalesce(s.nspname, n.schema_name) as schema_name, coalesce(c.relname, n.table_name) as table_name,
           a.columns, a.published, a.key_columns
      from (
        select distinct t.name,
               case when t.name like '%.%' then pg_catalog.split_part(t.name, '.', 1) else 'public' end as schema_name,
               case when t.name like '%.%' then pg_catalog.split_part(t.name, '.', 2) else t.name end as table_name
          from pg_catalog.unnest(p_tables) as t (name)
      ) n
      left join pg_catalog.pg_namespace s on s.nspname = n.schema_name
      left join pg_catalog.pg_class c on c.relnamespace = s.oid and c.relname = n.table_name
      left join lateral (
        select pg_catalog.array_agg(a.attname::text order by a.attnum) as columns,
               coalesce(pg_catalog.array_agg(a.attname::text order by a.attnum) filter (
                 where (c.oid <> 'public.agent_sessions'::regclass or a.attname = any (v_session_columns))
                   and not n.name || '.' || a.attname = any (p_left_out)
               ), '{}') as published,
               pg_catalog.array_agg(a.attname::text) filter (where a.attnum = any (i.indkey)) as key_columns
          from pg_catalog.pg_attribute a
          left join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indisprimary
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      ) a on true
     order by 1
  loop
    v_problem := case
      when v_table.relkind is null then 'there is no such table'
      when v_table.relkind <> 'r' or v_table.relhassubclass then 'only an ordinary table can be captured, without partitions or children'
      when v_table.relpersistence <> 'p' then 'an unlogged or temporary table can''t be captured'
      when v_table.key_columns is null then 'it has no primary key'
      when v_table.relreplident not in ('d', 'f') then 'its replica identity is neither default nor full'
      when v_table.relreplident = 'f' and v_table.published is distinct from v_table.columns
        then 'its replica identity is full, which columns that are left out do not allow; make it default'
      when not v_table.published @> v_table.key_columns then 'a column of its primary key is left out'
    end;
    if v_problem is not null then
      raise exception 'the table % can''t be captured: %', v_table.name, v_problem
        using errcode = 'invalid_parameter_value';
    end if;
    v_clauses := v_clauses || (
      pg_catalog.format('%I.%I', v_table.schema_name, v_table.table_name)
      || case when v_table.published = v_table.columns then ''
              else (select ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(p.name), ', ' order by p.place) || ')'
                      from pg_catalog.unnest(v_table.published) with ordinality as p (name, place))
         end
    );
    v_is_current := v_is_current and exists (
      select
        from pg_catalog.pg_publication_tables t
       where t.pubname = v_publication
         and t.schemaname = v_table.schema_name
         and t.tablename = v_table.table_name
         and t.attnames::text[] @> v_table.published
         and v_table.published @> t.attnames::text[]
    );
  end loop;

  if v_is_current and pg_catalog.cardinality(v_clauses)
     = (select count(*) from pg_catalog.pg_publication_tables t where t.pubname = v_publication) then
    return false;
  end if;
  execute pg_catalog.format(
    case when exists (select from pg_catalog.pg_publication p where p.pubname = v_publication)
         then 'alter publication %I set table %s'
         else 'create publication %I for table %s'
    end,
    v_publication, pg_catalog.array_to_string(v_clauses, ', ')
  );
  return true;
end
$$;
revoke execute on function public.publish_for_capture(text[], text[]) from public;
