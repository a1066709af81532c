-- Takes one of our locks for as long as this session lives, or gives who has it, in words. Never waits long.
--
-- The lock is who is written in its row of centralcloud_locks, where an application can't write: a process, and the
-- key of an advisory lock that it holds, chosen at random. Both are asked for, so a process of that number that came
-- later is somebody else, and an application that takes the key as well is nobody. So the lock ends with its session,
-- however that ends, and needs no clock and no writing in between.
--
-- Versions before held an advisory lock with a fixed key instead. It is taken as well, so that they stand by; and where
-- a login has it that may do what p_function does, it is believed. An application's is not.
-- Locks: the row of the lock, until the end of the transaction, when it is taken.
create or replace function public.hold_lock(p_lock_name text, p_former_key bigint, p_function regprocedure)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_holder text;
  v_key bigint;
begin
  v_holder := public.session_with_lock(p_lock_name);
  if v_holder is not null then
    return nullif(v_holder, '');
  end if;
  v_holder := public.take_lock(p_lock_name, interval '1 second');
  if v_holder is not null then
    return v_holder;
  end if;
  -- Somebody else may have taken it since.
  v_holder := public.session_with_lock(p_lock_name);
  if v_holder is not null then
    return nullif(v_holder, '');
  end if;

  if not pg_catalog.pg_try_advisory_lock(p_former_key) then
    select public.describe_sessions(pg_catalog.array_agg(l.pid)) into v_holder
      from pg_catalog.pg_locks l
      join pg_catalog.pg_stat_activity a on a.pid = l.pid
     where public.is_advisory_lock(l, p_former_key) and l.granted
       and pg_catalog.has_function_privilege(a.usesysid, p_function::oid, 'execute');
    if v_holder is not null then
      return v_holder;
    end if;
  end if;

  v_key := ('x' || pg_catalog.substr(pg_catalog.md5(pg_catalog.gen_random_uuid()::text), 1, 16))::bit(64)::bigint;
  perform pg_catalog.pg_advisory_lock(v_key);
  update public.centralcloud_locks l
     set holder_pid = pg_catalog.pg_backend_pid(), holder_key = v_key
   where l.lock_name = p_lock_name;
  return null;
end
$$;
revoke execute on function public.hold_lock(text, bigint, regprocedure) from public;
