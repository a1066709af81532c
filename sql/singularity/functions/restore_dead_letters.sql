-- Moves discarded dead letters, named by the ids that the archive has them under, back to their dead-letter queue, with the
-- ids, times, counts and headers that they had. One whose own id is not free gets another one, and one that is there
-- already stays in the archive. Gives how many came back, and how many of them got another id.
-- Counted in the open part of an operator's action (open_action_part), without which nothing moves.
-- With its owner's rights: operators may write neither to queues nor to their archives.
-- Locks: the part's row, then the rows of the archive in the order of their table.
create or replace function public.restore_dead_letters(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_msg_ids bigint[]
)
returns table (moved integer, renumbered integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_tables record;
  v_moved integer;
  v_renumbered integer;
begin
  -- @plpgsql_check_options: security_warnings = off
  -- What is put into the statement as text are names and expressions that functions of ours make of the queue's name.
  perform public.count_action_part(p_action_key, p_queue, p_runner);
  select * into v_tables from public.dead_letter_queue_tables(p_queue);
  execute pg_catalog.format(
    $statement$
    with named as materialized (
      select d.msg_id, d.enqueued_at,
             case when d.msg_id >= 0 then d.msg_id
                  when d.headers ->> 'archived_msg_id' ~ '^\d{1,18}$'
                  then (d.headers ->> 'archived_msg_id')::bigint end as own_id
        from pgmq.%2$I d
       where d.msg_id = any ($1) and d.headers ->> 'action' = 'discard'
    ), imported as materialized (
      -- By time, not one by one: many may have come at one moment.
      select x.enqueued_at, x.headers ->> 'imported_letter_id' as own_id
        from pgmq.%1$I x
       where x.enqueued_at between (select min(n.enqueued_at) from named n) and (select max(n.enqueued_at) from named n)
         and x.headers ->> 'imported_letter_id' is not null
    ), absent as materialized (
      select n.msg_id, n.own_id,
             n.own_id is not null
               and row_number() over (partition by n.own_id order by n.enqueued_at, n.msg_id) = 1
               and n.own_id <= coalesce(pg_sequence_last_value(pg_get_serial_sequence('pgmq.' || quote_ident($2), 'msg_id')::regclass), 0)
               and not exists (select from pgmq.%1$I x where x.msg_id = n.own_id) as keeps_id
        from named n
       where not exists (select from pgmq.%1$I x
                          where x.msg_id = n.own_id and x.enqueued_at = n.enqueued_at)
         and not exists (select from imported i where i.enqueued_at = n.enqueued_at and i.own_id = n.own_id::text)
    ), gone as (
      delete from pgmq.%2$I
       using absent a
       where %2$I.msg_id = a.msg_id
      returning a.own_id, a.keeps_id, vt, read_ct, enqueued_at, message %3$s,
                case when headers ? 'headers_before' then headers -> 'headers_before' -> 0
                     else nullif(headers - array['action', 'action_id', 'archived_msg_id'], '{}') end as headers
    ), kept as (
      insert into pgmq.%1$I (msg_id, vt, read_ct, enqueued_at, message, headers %3$s)
      overriding system value
      select own_id, vt, read_ct, enqueued_at, message, headers %3$s
        from gone where keeps_id
    ), renumbered as (
      insert into pgmq.%1$I (vt, read_ct, enqueued_at, message, headers %3$s)
      select vt, read_ct, enqueued_at, message,
             case when jsonb_typeof(headers) = 'object' then headers else '{}' end
               || jsonb_strip_nulls(jsonb_build_object('imported_letter_id', own_id)) %3$s
        from gone where not keeps_id
    )
    select count(*), count(*) filter (where not keeps_id) from gone
    $statement$,
    v_tables.letters, v_tables.letter_archive, v_tables.last_read
  ) into v_moved, v_renumbered using p_msg_ids, v_tables.letters;

  perform public.count_action_part(p_action_key, p_queue, p_runner, v_moved);
  return query select v_moved, v_renumbered;
end
$$;
revoke execute on function public.restore_dead_letters(uuid, text, text, bigint[]) from public;
