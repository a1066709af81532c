-- Grants the roles that exist what they need on a queue: its sender, who is the owner of our objects, and
-- the consumer, who takes messages from a queue, archives them, and sends what can't be merged to its
-- dead-letter queue. Both also count what waits.
-- Locks: none; called by create_queue.
create or replace function public.grant_queue(p_queue text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queue constant text := pgmq.format_table_name(p_queue, 'q');
  v_archive constant text := pgmq.format_table_name(p_queue, 'a');
begin
  if pg_catalog.to_regrole('centralcloud_owner') is not null then
    execute pg_catalog.format(
      'grant select, insert, update, delete on pgmq.%I, pgmq.%I to centralcloud_owner', v_queue, v_archive);
    execute pg_catalog.format('grant select on pgmq.%I to centralcloud_owner', v_queue || '_msg_id_seq');
  end if;

  if pg_catalog.to_regrole('centralcloud_consumer') is not null then
    if p_queue like '%-dlq' then
      execute pg_catalog.format('grant select, insert on pgmq.%I to centralcloud_consumer', v_queue);
    else
      execute pg_catalog.format('grant select, update, delete on pgmq.%I to centralcloud_consumer', v_queue);
      execute pg_catalog.format('grant select, insert on pgmq.%I to centralcloud_consumer', v_archive);
    end if;
    execute pg_catalog.format('grant select on pgmq.%I to centralcloud_consumer', v_queue || '_msg_id_seq');
  end if;
end
$$;
revoke execute on function public.grant_queue(text) from public;
