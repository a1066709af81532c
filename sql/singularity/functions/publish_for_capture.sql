-- Makes the publication of the captured tables, or brings it up to date: what the output plugin pgoutput
-- gives a capture is decided here. A table that can't be captured is not published, and is taken out where it
-- was; examine_captured_tables says why. May run any number of times.
--
-- Gives each table that was asked for or published: what was done to it (added, removed, altered, or null for
-- nothing) and its problem, where it has one. Gives nothing where there is no publication and p_create is
-- false: a slot can't be read with another publication than the one that it was made for.
-- With its owner's rights, because only a table's owner may publish it.
-- Locks: one of ours (take_lock) until the end of the transaction; each table in share update exclusive mode where
-- something changes. Whatever holds one is waited for two seconds at most, and the error says who does.
create or replace function public.publish_for_capture(
  p_tables text[],
  p_left_out text[] default '{}',
  p_create boolean default true
)
returns table (name text, change text, problem text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_publication constant text := 'singularity_centralcloud_cdc';
  v_publication_id oid;
  v_table record;
  v_wanted text[] := array[]::text[];
  v_published text[] := array[]::text[];
  v_changes integer := 0;
  v_holder text;
begin
  v_holder := public.take_lock('publish for capture', interval '2 seconds');
  if v_holder is not null then
    raise exception 'another transaction changes the publication, and has not ended: %', v_holder
      using errcode = 'lock_not_available';
  end if;
  select p.oid into v_publication_id from pg_catalog.pg_publication p where p.pubname = v_publication;
  if v_publication_id is null and not p_create then
    return;
  end if;

  for v_table in
    select coalesce(
             e.name,
             case when s.nspname = 'public' then c.relname::text else s.nspname || '.' || c.relname end
           ) as name,
           e.problem, e.column_list, e.is_wanted, r.prrelid is not null as is_published,
           pg_catalog.format('%I.%I', s.nspname, c.relname) as place,
           -- Null on both sides where all columns are published. How a view of PostgreSQL lists them differs
           -- between versions.
           r.column_list is not distinct from e.column_list as is_same
      from (
        select x.*, x.problem is null as is_wanted
          from public.examine_captured_tables(p_tables, p_left_out) x
      ) e
      full join (
        select pr.prrelid,
               (select pg_catalog.array_agg(a.attname::text order by a.attnum)
                  from pg_catalog.pg_attribute a
                 where a.attrelid = pr.prrelid and a.attnum = any (pr.prattrs)) as column_list
          from pg_catalog.pg_publication_rel pr
         where pr.prpubid = v_publication_id
      ) r on r.prrelid = e.relation
      left join pg_catalog.pg_class c on c.oid = coalesce(e.relation, r.prrelid)
      left join pg_catalog.pg_namespace s on s.oid = c.relnamespace
     order by 1
  loop
    name := v_table.name;
    problem := v_table.problem;
    change := case
      when v_table.is_wanted and not v_table.is_published then 'added'
      when v_table.is_wanted and not v_table.is_same then 'altered'
      when v_table.is_published and v_table.is_wanted is not true then 'removed'
    end;
    return next;
    v_changes := v_changes + (change is not null)::integer;
    if v_table.is_published then
      v_published := v_published || v_table.place;
    end if;
    if v_table.is_wanted then
      v_wanted := v_wanted || (
        v_table.place
        || coalesce(
             (select ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(p.name), ', ' order by p.place) || ')'
                from pg_catalog.unnest(v_table.column_list) with ordinality as p (name, place)),
             ''
           )
      );
    end if;
  end loop;

  if v_publication_id is null then
    execute pg_catalog.format('create publication %I', v_publication);
  end if;
  if v_changes = 0 then
    return;
  end if;
  -- A list of tables can't be empty.
  if pg_catalog.cardinality(v_wanted) = 0 then
    execute pg_catalog.format(
      'alter publication %I drop table %s', v_publication, pg_catalog.array_to_string(v_published, ', ')
    );
  else
    execute pg_catalog.format(
      'alter publication %I set table %s', v_publication, pg_catalog.array_to_string(v_wanted, ', ')
    );
  end if;
exception
  when lock_not_available then
    raise exception '%, held by %', sqlerrm, public.sessions_in_the_way() using errcode = 'lock_not_available';
end
$$;
revoke execute on function public.publish_for_capture(text[], text[], boolean) from public;
