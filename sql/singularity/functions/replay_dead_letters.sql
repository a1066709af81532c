-- Sends the original messages of dead letters to their queue again, and moves the dead letters to the archive of their
-- dead-letter queue, which then says by which action and as what. A message gets its headers back, and besides replay_of,
-- replay_count and its history (attempts). Of a dead letter whose p_sends is false nothing is sent: its message was merged.
-- One without an original message stays, unless p_edit is sent for it.
-- p_edit: what is sent in place of the original. Gives how many were moved: those that are there no more are not.
-- Counted in the open part of an operator's action (open_action_part), without which nothing moves.
-- With its owner's rights: operators may write neither to queues nor to their archives.
-- Locks: the part's row, then the dead letters in the order of their table.
create or replace function public.replay_dead_letters(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_msg_ids bigint[],
  p_sends boolean[],
  p_edit jsonb default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_action_id constant bigint := public.count_action_part(p_action_key, p_queue, p_runner);
  v_tables record;
  v_moved integer;
  v_merged integer;
begin
  -- @plpgsql_check_options: security_warnings = off
  -- What is put into the statement as text are names and expressions that functions of ours make of the queue's name.
  if pg_catalog.cardinality(p_msg_ids) is distinct from pg_catalog.cardinality(p_sends)
     or pg_catalog.array_position(p_sends, null) is not null
     or (p_edit is not null and pg_catalog.cardinality(p_msg_ids) > 1) then
    raise exception 'each dead letter needs to be sent or not, and an edit is for one' using errcode = 'invalid_parameter_value';
  end if;
  select * into v_tables from public.dead_letter_queue_tables(p_queue);
  execute pg_catalog.format(
    $statement$
    with gone as (
      delete from pgmq.%1$I d
       using unnest($1, $2) as c (msg_id, sends)
       where d.msg_id = c.msg_id and (d.message ? 'original_message' or $4 is not null or not c.sends)
      returning d.msg_id, d.vt, d.read_ct, d.enqueued_at, d.message, d.headers, c.sends
    ), resent as materialized (
      select d.msg_id, row_number() over (order by d.enqueued_at, d.msg_id) as place,
             coalesce($4, d.message -> 'original_message') as message,
             o.headers || jsonb_strip_nulls(jsonb_build_object(
               'replay_of', case when jsonb_typeof(o.headers -> 'replay_of') = 'number' then o.headers -> 'replay_of'
                                 when jsonb_typeof(d.message -> 'original_message_id') = 'number'
                                 then d.message -> 'original_message_id' end,
               'replay_count', greatest(coalesce(trunc(
                                 case when jsonb_typeof(o.headers -> 'replay_count') = 'number'
                                      then (o.headers -> 'replay_count')::text::numeric end), 0), 0) + 1,
               'attempts', h.attempts || jsonb_build_array(jsonb_build_object(
                 'at', coalesce(d.message ->> 'dead_lettered_at',
                                to_char(d.enqueued_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                d.enqueued_at::text),
                 'consumer', coalesce(d.message ->> 'consumer', 'unknown'),
                 'error', jsonb_build_object(
                   'code', coalesce(d.message -> 'error' ->> 'code', d.message ->> 'reason', 'unknown'),
                   'message', coalesce(d.message -> 'error' ->> 'message',
                                       case when jsonb_typeof(d.message -> 'error') = 'string'
                                            then d.message ->> 'error' end, '')))),
               'replay_edited', case when $4 is not null then true end)) as headers
        from gone d
       cross join lateral (
         select case when jsonb_typeof(d.message -> 'original_headers') = 'object'
                     then d.message -> 'original_headers' else '{}' end as headers
       ) o
       cross join lateral (
         select case when jsonb_typeof(d.message -> 'attempts') = 'array' then d.message -> 'attempts' else '[]' end as own,
                case when jsonb_typeof(o.headers -> 'attempts') = 'array' then o.headers -> 'attempts' else '[]' end as earlier
       ) a
       cross join lateral (
         -- The failures before the one that it died of, those of former lives included.
         select case when a.own @> a.earlier then a.own else a.earlier || a.own end as attempts
       ) h
       where d.sends
    ), queued as (
      -- All at once, and not one by one with pgmq.send, which takes a millisecond for each.
      insert into pgmq.%3$I (vt, message, headers)
      select clock_timestamp(), r.message, r.headers from resent r order by r.place
      returning msg_id
    ), sent as (
      -- Ids are given away in the order of the rows.
      select r.msg_id, q.msg_id as new_id
        from resent r
        join (select msg_id, row_number() over (order by msg_id) as place from queued) q using (place)
    ), archived as (
      insert into pgmq.%2$I (msg_id, vt, read_ct, enqueued_at, message, headers)
      select %4$s, g.vt, g.read_ct, g.enqueued_at, g.message,
             %5$s || jsonb_strip_nulls(jsonb_build_object(
               'action', 'replay', 'action_id', $3, 'new_msg_id', s.new_id,
               'already_merged', case when not g.sends then true end,
               'edited', case when $4 is not null then true end))
        from gone g
        left join sent s using (msg_id)
    )
    select count(*), count(*) filter (where not g.sends) from gone g
    $statement$,
    v_tables.letters, v_tables.letter_archive, v_tables.queue,
    public.archived_letter_id(v_tables.letter_archive), public.archived_letter_headers(v_tables.letter_archive)
  ) into v_moved, v_merged using p_msg_ids, p_sends, v_action_id, p_edit;

  perform public.count_action_part(p_action_key, p_queue, p_runner, v_moved, v_merged);
  return v_moved;
end
$$;
revoke execute on function public.replay_dead_letters(uuid, text, text, bigint[], boolean[], jsonb) from public;
