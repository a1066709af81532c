-- Grants the roles that exist what they need on a queue: its sender, who is the owner of our objects, and
-- the consumer, who takes messages from a queue, archives them, and sends what can't be merged to its
-- dead-letter queue. Both also count what waits. Viewers and operators read, and of sessions neither messages nor archived
-- ones, which hold states and seals; dead letters they read whole, or nobody could tell what is wrong with them. To change
-- the visibility of a dead letter is what it takes to lock one: operators move them by functions only.
-- Locks: none; called by create_queue.
create or replace function public.grant_queue(p_queue text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queue constant text := pgmq.format_table_name(p_queue, 'q');
  v_archive constant text := pgmq.format_table_name(p_queue, 'a');
  v_role text;
  v_table text;
  v_columns text;
begin
  -- @plpgsql_check_options: security_warnings = off
  -- The text is a list of quoted names of columns.
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

  foreach v_role in array array['centralcloud_viewer', 'centralcloud_operator'] loop
    continue when pg_catalog.to_regrole(v_role) is null;
    foreach v_table in array array[v_queue, v_archive] loop
      select coalesce('(' || string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attnum) || ')', '')
        into v_columns
        from pg_catalog.pg_attribute a
       where a.attrelid = pg_catalog.to_regclass(pg_catalog.format('pgmq.%I', v_table))
         and a.attnum > 0 and not a.attisdropped and a.attname <> 'message'
         and p_queue = 'agent-sessions';
      execute pg_catalog.format('grant select %s on pgmq.%I to %I', v_columns, v_table, v_role);
      if p_queue like '%-dlq' and v_role = 'centralcloud_operator' then
        execute pg_catalog.format('grant update (vt) on pgmq.%I to %I', v_table, v_role);
      end if;
    end loop;
  end loop;
end
$$;
revoke execute on function public.grant_queue(text) from public;
