-- The ids of messages of agent-sessions, or of its archive, that are of an agent or of a session: for whoever looks for them
-- and may not read the messages, which hold states and seals. Tells nothing of them but that; public.describe_session_messages
-- tells the rest. Compares whole identifiers, never a part of one: else whoever asks could find out what a state says.
--
-- An archive is looked through from p_since to p_until, by when messages were archived, a queue from p_first_id to
-- p_last_id; both ends belong to it. A message that is a JSON text of its object, as some clients send it, is looked into.
-- At most p_limit ids.
-- With its owner's rights: viewers may not read the messages of sessions.
-- Locks: none. Reads only.
create or replace function public.find_session_messages(
  p_archived boolean,
  p_agent_id text,
  p_session_id text,
  p_since timestamptz default '-infinity',
  p_until timestamptz default 'infinity',
  p_first_id bigint default 0,
  p_last_id bigint default 9223372036854775807,
  p_limit integer default 1000
)
returns table (msg_id bigint)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_body jsonb;
  v_id bigint;
  v_text text;
begin
  for v_id, v_text in execute pg_catalog.format(
    $statement$
    select m.msg_id, case when jsonb_typeof(m.message) = 'string' then m.message #>> '{}' end as inner_text
      from pgmq.%I m
     where %s
       and (jsonb_typeof(m.message) = 'string'
            or ($5 is null
                or case jsonb_typeof(m.message -> 'agent_id')
                     when 'number' then trim_scale((m.message -> 'agent_id')::numeric)::text
                     else m.message ->> 'agent_id' end = $5)
           and ($6 is null
                or case jsonb_typeof(m.message -> 'session_id')
                     when 'number' then trim_scale((m.message -> 'session_id')::numeric)::text
                     else m.message ->> 'session_id' end = $6))
    $statement$,
    pgmq.format_table_name('agent-sessions', case when p_archived then 'a' else 'q' end),
    case when p_archived then 'm.archived_at between $1 and $2' else 'm.msg_id between $3 and $4' end
  ) using p_since, p_until, p_first_id, p_last_id, p_agent_id, p_session_id
  loop
    if v_text is not null then
      begin
        v_body := v_text::jsonb;
      exception when others then
        -- Not JSON, or not such that it can be kept: it is nobody's message.
        continue;
      end;
      continue when (p_agent_id is not null and v_body ->> 'agent_id' is distinct from p_agent_id)
                 or (p_session_id is not null and v_body ->> 'session_id' is distinct from p_session_id);
    end if;
    msg_id := v_id;
    return next;
    p_limit := p_limit - 1;
    exit when p_limit <= 0;
  end loop;
end
$$;
revoke execute on function public.find_session_messages(
  boolean, text, text, timestamptz, timestamptz, bigint, bigint, integer) from public;
