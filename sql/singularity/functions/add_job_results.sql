-- What two steps of one run have done together: numbers are added up, of anything else the later one stays.
-- Both are arrays of one object.
create or replace function public.add_job_results(p_earlier jsonb, p_later jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_array(coalesce(pg_catalog.jsonb_object_agg(
           coalesce(e.key, l.key),
           case
             when pg_catalog.jsonb_typeof(e.value) = 'number' and pg_catalog.jsonb_typeof(l.value) = 'number'
               then pg_catalog.to_jsonb(e.value::numeric + l.value::numeric)
             else coalesce(nullif(l.value, 'null'), e.value, 'null')
           end), '{}'))
    from pg_catalog.jsonb_each(p_earlier -> 0) e
    full join pg_catalog.jsonb_each(p_later -> 0) l on l.key = e.key;
$$;
revoke execute on function public.add_job_results(jsonb, jsonb) from public;
