-- Removes messages from the archives of our queues 90 days after they were archived.
--
-- Touches archive tables only: what waits in a queue, however old, is nobody's to delete. Queues of
-- others are left alone. At most p_batch_size × p_max_batches a queue and call; the next one goes on.
-- Each batch starts where the one before ended, because the index still holds what this transaction
-- has deleted. May run any number of times.
-- Locks: the removed rows, queue by queue, oldest first. Archives are only ever added to.
create or replace function public.cleanup_queue_archives(
  p_batch_size integer default 10000,
  p_max_batches integer default 1000
)
returns table (rows_removed integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before constant timestamptz := pg_catalog.now() - interval '90 days';
  v_archive text;
  v_from timestamptz;
  v_count integer;
  v_total integer := 0;
begin
  for v_archive in
    select pgmq.format_table_name(m.queue_name, 'a')
      from pgmq.meta m
     where m.queue_name in (
             'centralcloud-new-patterns', 'centralcloud-new-patterns-dlq',
             'agent-sessions', 'agent-sessions-dlq',
             'agent-knowledge-updates', 'agent-knowledge-updates-dlq'
           )
     order by m.queue_name
  loop
    v_from := '-infinity';
    for v_batch in 1..p_max_batches loop
      execute pg_catalog.format(
        'with removed as (
           delete from pgmq.%1$I a
            where a.msg_id = any (array(
                    select o.msg_id from pgmq.%1$I o
                     where o.archived_at >= $1 and o.archived_at < $2
                     order by o.archived_at
                     limit $3))
           returning a.archived_at
         )
         select count(*), coalesce(max(r.archived_at), $1) from removed r',
        v_archive
      ) into v_count, v_from using v_from, v_before, p_batch_size;
      v_total := v_total + v_count;
      exit when v_count < p_batch_size;
    end loop;
  end loop;
  return query select v_total;
end
$$;
revoke execute on function public.cleanup_queue_archives(integer, integer) from public;
