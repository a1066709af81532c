-- Makes a queue and its dead-letter sibling where they are missing, and sets both up for autovacuum.
--
-- A queue table turns over completely many times a day while it stays nearly empty, so a threshold
-- relative to its size would either never or always fire: a fixed one counts what died since. Vacuum
-- runs without its cost delay, because reading a queue slows with every dead row in front of the
-- first live one. The archive only grows: it is vacuumed by what was inserted, which keeps its
-- visibility map current.
--
-- The queue wakes an idle consumer by notify_idle_consumers.
--
-- A dead-letter queue is read by time, page by page, so it gets an index of (time, id); and by what its letters failed
-- with, so it gets one of (fingerprint, time, id), in which letters are that were there before fingerprints were.
-- Building them on one that is long makes those wait who send to it.
--
-- Grants each role what it needs on them, too: also for a queue that was made anew by pgmq.create, which
-- knows nothing of roles. The tables belong to whoever made them, so nobody else may call this.
create or replace function public.create_queue(p_queue text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queue text;
  v_kind text;
begin
  foreach v_queue in array array[p_queue, p_queue || '-dlq'] loop
    -- Makes what is missing of it.
    if not exists (select from pgmq.meta m where m.queue_name = v_queue)
       or pg_catalog.to_regclass(pg_catalog.format('pgmq.%I', pgmq.format_table_name(v_queue, 'q'))) is null
       or pg_catalog.to_regclass(pg_catalog.format('pgmq.%I', pgmq.format_table_name(v_queue, 'a'))) is null then
      perform pgmq.create(v_queue);
    end if;
    execute pg_catalog.format(
      'alter table pgmq.%I set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, '
      'autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, '
      'autovacuum_analyze_threshold = 50000)',
      pgmq.format_table_name(v_queue, 'q')
    );
    execute pg_catalog.format(
      'alter table pgmq.%I set (autovacuum_vacuum_insert_scale_factor = 0, '
      'autovacuum_vacuum_insert_threshold = 100000)',
      pgmq.format_table_name(v_queue, 'a')
    );
    perform public.grant_queue(v_queue);
    -- Asked for the letter of a message, by the message's id as the letter has it. By hash: other clients may write a text
    -- of any length there, and a B-tree would refuse it.
    if v_queue like '%-dlq' then
      foreach v_kind in array array['q', 'a'] loop
        execute pg_catalog.format(
          'create index if not exists %I on pgmq.%I using hash ((message ->> ''original_message_id''))',
          pgmq.format_table_name(v_queue, v_kind) || '_original_id_idx',
          pgmq.format_table_name(v_queue, v_kind)
        );
      end loop;
    end if;
  end loop;
  -- Nobody waits for dead letters.
  execute pg_catalog.format(
    'create or replace trigger centralcloud_notify after insert on pgmq.%I '
    'for each statement execute function public.notify_idle_consumers()',
    pgmq.format_table_name(p_queue, 'q')
  );

  execute pg_catalog.format(
    'create index if not exists %I on pgmq.%I (enqueued_at, msg_id)',
    pgmq.format_table_name(p_queue || '-dlq', 'q') || '_enqueued_at_idx',
    pgmq.format_table_name(p_queue || '-dlq', 'q')
  );
  execute pg_catalog.format(
    'create index if not exists %I on pgmq.%I ((public.dead_letter_fingerprint(%L, message) collate "C"), '
    'enqueued_at, msg_id)',
    pgmq.format_table_name(p_queue || '-dlq', 'q') || '_fingerprint_idx',
    pgmq.format_table_name(p_queue || '-dlq', 'q'),
    p_queue
  );
end
$$;
revoke execute on function public.create_queue(text) from public;
