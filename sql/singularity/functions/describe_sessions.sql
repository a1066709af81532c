-- Names sessions of this server for an operator: process, login and application. Never what they run, since that may
-- hold contents. Everybody may see as much in pg_stat_activity. Null where there are none.
-- Locks: none.
create or replace function public.describe_sessions(p_pids integer[])
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.string_agg(s.words, ' and ' order by s.pid)
    from (
      select p.pid,
             case when p.pid = 0 then 'a prepared transaction (see pg_prepared_xacts)'
                  else 'process ' || p.pid
                    || coalesce(' of login ' || a.usename, '')
                    || coalesce(' (application ' || nullif(a.application_name, '') || ')', '')
             end as words
        from (select distinct u.pid from pg_catalog.unnest(p_pids) u (pid) where u.pid is not null) p
        left join pg_catalog.pg_stat_activity a on a.pid = p.pid
       order by p.pid
       limit 5
    ) s;
$$;
revoke execute on function public.describe_sessions(integer[]) from public;
