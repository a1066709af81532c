-- Moves the next archived messages of a range back to their queue under their ids and times, oldest first, from after a
-- place (p_after_at, p_after_id) on. Their identity stays, so the ledger of the central store decides: what is in it is
-- archived again as a duplicate. Those stay in the archive that were copied from another source or set aside, whose id is in
-- the queue (taken), does not say which one it was (unknown_id), or has yet to be given away (ahead_of_sequence). A chunk is
-- 64 MB at most, unless it is one message. last_at is null where none is left.
-- A message keeps the action's id in its header archive_action_id: by it, what became of it is told.
-- Counted in the open part of an operator's action (open_action_part), without which nothing moves.
-- With its owner's rights: operators may not read what archives have of sessions, nor write to queues.
-- Locks: the part's row, then the messages by time; steps over those that others have locked.
create or replace function public.requeue_archived_messages(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_from timestamptz,
  p_to timestamptz,
  p_after_at timestamptz,
  p_after_id bigint,
  p_limit integer
)
returns table (
  moved integer,
  taken integer,
  unknown_id integer,
  ahead_of_sequence integer,
  last_at timestamptz,
  last_id bigint
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_copied_until constant timestamptz := coalesce(
    (select s.copied_until from public.singularity_source s), '-infinity');
  v_action_id constant bigint := public.count_action_part(p_action_key, p_queue, p_runner);
  v_tables record;
begin
  select * into v_tables from public.dead_letter_queue_tables(p_queue);
  execute pg_catalog.format(
    $statement$
    with locked as materialized (
      select d.msg_id, d.archived_at,
             case when d.msg_id >= 0 then d.msg_id
                  when d.headers ->> 'archived_msg_id' ~ '^\d{1,18}$'
                  then (d.headers ->> 'archived_msg_id')::bigint end as own_id,
             coalesce(pg_column_size(d.message), 0) as bytes
        from pgmq.%2$I d
       where d.archived_at >= coalesce($3, $1) and d.archived_at <= $2
         and d.archived_at > $6 and not coalesce(d.headers ? 'set_aside', false)
         and ($3 is null or (d.archived_at, d.msg_id) > ($3, $4))
       order by d.archived_at, d.msg_id
       limit $5
         for update of d skip locked
    ), placed as (
      select l.*, row_number() over o as place, sum(l.bytes) over o as total
        from locked l
      window o as (order by l.archived_at, l.msg_id)
    ), chosen as materialized (
      select p.*,
             case when p.own_id is null then 'unknown'
                  when exists (select from pgmq.%1$I q where q.msg_id = p.own_id)
                       or row_number() over (partition by p.own_id order by p.place) > 1 then 'taken'
                  when p.own_id > coalesce(pg_sequence_last_value(
                         pg_get_serial_sequence('pgmq.' || quote_ident($7), 'msg_id')::regclass), 0) then 'ahead'
                  else 'free' end as state
        from placed p
       where p.place = 1 or p.total <= 64 * 1024 * 1024
    ), gone as (
      delete from pgmq.%2$I d
       using chosen c
       where d.msg_id = c.msg_id and c.state = 'free'
      returning c.own_id, d.enqueued_at, d.message, d.headers
    ), queued as (
      insert into pgmq.%1$I (msg_id, read_ct, enqueued_at, vt, message, headers)
      overriding system value
      select g.own_id, 0, g.enqueued_at, clock_timestamp(), g.message,
             (case when jsonb_typeof(g.headers) = 'object' then g.headers else '{}' end - 'archived_msg_id')
               || jsonb_build_object('replayed_from_archive', true, 'archive_action_id', $8)
        from gone g
       order by g.own_id
    )
    select count(*) filter (where c.state = 'free')::integer, count(*) filter (where c.state = 'taken')::integer,
           count(*) filter (where c.state = 'unknown')::integer, count(*) filter (where c.state = 'ahead')::integer,
           (array_agg(c.archived_at order by c.place desc))[1], (array_agg(c.msg_id order by c.place desc))[1]
      from chosen c
    $statement$,
    v_tables.queue, v_tables.archive
  ) into moved, taken, unknown_id, ahead_of_sequence, last_at, last_id
    using p_from, p_to, p_after_at, p_after_id, p_limit, v_copied_until, v_tables.queue, v_action_id;

  perform public.count_action_part(p_action_key, p_queue, p_runner, moved);
  return next;
end
$$;
revoke execute on function public.requeue_archived_messages(
  uuid, text, text, timestamptz, timestamptz, timestamptz, bigint, integer) from public;
