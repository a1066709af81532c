-- Whether an error may be the fault of what a row holds: a value, a constraint, what a trigger raises (with
-- whatever code of its own), a size or a depth beyond what PostgreSQL can make (which says "internal error" where it
-- can't have so much memory in one piece). All else is the fault of the queue, the rights or the server, and the next
-- row would meet it, too: also a server that has no memory left, and any other internal error.
create or replace function public.is_fault_of_row(p_sqlstate text, p_message text)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.left(p_sqlstate, 2) not in
           ('08', '0A', '25', '26', '28', '2D', '3B', '3D', '3F', '40', '42', '53', '55', '57', '58', '72', 'F0', 'HV', 'XX')
      or p_sqlstate = 'XX000' and p_message like 'invalid memory alloc request size%';
$$;
revoke execute on function public.is_fault_of_row(text, text) from public;
