-- What messages of agent-sessions, or of its archive, say of their sessions, without the states and the seals: for whoever
-- looks into the queue and may not have its messages. p_msg_ids: which ones; at most 1,000 are described.
-- description is null where a message is not an object; message_bytes is the length of its text.
-- With its owner's rights: viewers may not read the messages of sessions.
-- Locks: none. Reads only.
create or replace function public.describe_session_messages(p_archived boolean, p_msg_ids bigint[])
returns table (msg_id bigint, message_bytes integer, description jsonb)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- @plpgsql_check_options: extra_warnings = off
  return query execute pg_catalog.format(
    $statement$
    select m.msg_id, octet_length(m.message::text),
           case when jsonb_typeof(m.message) = 'object'
                then jsonb_strip_nulls(jsonb_build_object(
                       'agent_id', m.message -> 'agent_id', 'session_id', m.message -> 'session_id',
                       'synced_at', m.message -> 'synced_at', 'confidence', m.message -> 'confidence',
                       'ulid', m.message -> 'ulid',
                       'sealed', case when jsonb_typeof(m.message -> 'sealed') = 'object'
                                      then jsonb_build_object('alg', m.message -> 'sealed' -> 'alg',
                                                              'key_id', m.message -> 'sealed' -> 'key_id') end))
           end
      from pgmq.%I m
     where m.msg_id = any ($1[:1000])
    $statement$,
    pgmq.format_table_name('agent-sessions', case when p_archived then 'a' else 'q' end)
  ) using p_msg_ids;
end
$$;
revoke execute on function public.describe_session_messages(boolean, bigint[]) from public;
