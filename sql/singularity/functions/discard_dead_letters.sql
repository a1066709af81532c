-- Moves dead letters to the archive of their dead-letter queue, whose headers then say by which action; nothing is deleted,
-- and nothing sent. Their headers are kept as they were where what is added would hide that, so that restore_dead_letters
-- brings each back to the byte. Gives how many were moved: those that are there no more are not.
-- Counted in the open part of an operator's action (open_action_part), without which nothing moves.
-- With its owner's rights: operators may neither delete from queues nor write to their archives.
-- Locks: the part's row, then the dead letters in the order of their table.
create or replace function public.discard_dead_letters(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_msg_ids bigint[]
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
begin
  -- @plpgsql_check_options: security_warnings = off
  -- What is put into the statement as text are names and expressions that functions of ours make of the queue's name.
  select * into v_tables from public.dead_letter_queue_tables(p_queue);
  execute pg_catalog.format(
    $statement$
    with gone as (
      delete from pgmq.%1$I
       where msg_id = any ($1)
      returning msg_id, vt, read_ct, enqueued_at, message, headers %5$s
    ), archived as (
      insert into pgmq.%2$I (msg_id, vt, read_ct, enqueued_at, message, headers %5$s)
      select %3$s, g.vt, g.read_ct, g.enqueued_at, g.message,
             %4$s || jsonb_build_object('action', 'discard', 'action_id', $2)
               || case when g.headers is null
                            or jsonb_typeof(g.headers) = 'object' and g.headers <> '{}'
                               and not g.headers ?| array['action', 'action_id', 'archived_msg_id', 'headers_before']
                       then '{}'
                       else jsonb_build_object('headers_before', jsonb_build_array(g.headers)) end
             %5$s
        from gone g
    )
    select count(*) from gone
    $statement$,
    v_tables.letters, v_tables.letter_archive,
    public.archived_letter_id(v_tables.letter_archive), public.archived_letter_headers(v_tables.letter_archive),
    v_tables.last_read
  ) into v_moved using p_msg_ids, v_action_id;

  perform public.count_action_part(p_action_key, p_queue, p_runner, v_moved);
  return v_moved;
end
$$;
revoke execute on function public.discard_dead_letters(uuid, text, text, bigint[]) from public;
