-- The tables of a queue and of its dead letters, and whether those of the dead letters tell when a row was last read, as
-- newer versions of pgmq do: then it is a column more, written with a comma.
-- Locks: none. Reads the catalogs only.
create or replace function public.dead_letter_queue_tables(p_queue text)
returns table (queue text, archive text, letters text, letter_archive text, last_read text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select t.queue, t.archive, t.letters, t.letter_archive,
         case when (select count(*) = 2
                      from pg_catalog.pg_attribute a
                     where a.attrelid in (pg_catalog.to_regclass('pgmq.' || pg_catalog.quote_ident(t.letters)),
                                          pg_catalog.to_regclass('pgmq.' || pg_catalog.quote_ident(t.letter_archive)))
                       and a.attname = 'last_read_at' and not a.attisdropped)
              then ', last_read_at' else '' end
    from (select pgmq.format_table_name(p_queue, 'q') as queue,
                 pgmq.format_table_name(p_queue, 'a') as archive,
                 pgmq.format_table_name(p_queue || '-dlq', 'q') as letters,
                 pgmq.format_table_name(p_queue || '-dlq', 'a') as letter_archive) t;
$$;
revoke execute on function public.dead_letter_queue_tables(text) from public;
