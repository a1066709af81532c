-- Which of these tables can be captured, and which of their columns are. Where a table can't be, `problem`
-- says why: the same for every output plugin. One row a name; nothing is locked or changed.
--
-- A name without a schema is one of public. p_left_out names columns, as table.column, that are never
-- captured. Of agent_sessions only the columns named below are, so that neither its state nor a column of the
-- future is among them. `column_list` is null where all columns are captured.
-- PostgreSQL refuses an update or delete of a published row that it can't identify by what is published, and
-- no statement of an application must fail because of us. It identifies rows by their primary key, but not by
-- one that is deferrable. wal2json leaves such changes out without a word.
create or replace function public.examine_captured_tables(p_tables text[], p_left_out text[] default '{}')
returns table (name text, relation oid, column_list text[], problem text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select n.name, c.oid,
         case when a.published <> a.columns then a.published end,
         case
           when c.relkind is null then 'there is no such table'
           when c.relkind <> 'r' or exists (select from pg_catalog.pg_inherits h where h.inhparent = c.oid)
             then 'only an ordinary table can be captured, without partitions or children'
           when c.relpersistence <> 'p' then 'an unlogged or temporary table can''t be captured'
           when a.key_columns is null then 'it has no primary key'
           when not a.identifies then 'its primary key is deferrable'
           when c.relreplident not in ('d', 'f') then 'its replica identity is neither default nor full'
           when c.relreplident = 'f' and a.published <> a.columns
             then 'its replica identity is full, which columns that are left out do not allow; make it default'
           when not a.published @> a.key_columns then 'a column of its primary key is left out'
         end
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
               where (n.schema_name || '.' || n.table_name <> 'public.agent_sessions'
                      or a.attname in ('id', 'agent_id', 'confidence', 'created_at', 'last_synced_at', 'unsynced',
                                       'sync_error'))
                 and not n.name || '.' || a.attname = any (p_left_out)
             ), '{}') as published,
             pg_catalog.array_agg(a.attname::text) filter (where a.attnum = any (i.indkey)) as key_columns,
             pg_catalog.bool_and(i.indimmediate and i.indisvalid) as identifies
        from pg_catalog.pg_attribute a
        left join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indisprimary
       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    ) a on true;
$$;
revoke execute on function public.examine_captured_tables(text[], text[]) from public;
