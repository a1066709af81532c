import { queuesOf } from "../support/consumer.ts";
import type { TestSystem } from "../support/databases.ts";
import { sealState, sessionMessage } from "../support/session-keys.ts";

/** What is put into everything, to be found where it must not be. */
export const secrets = {
  content: "CONTENT-7d1e5a90",
  plaintext: "PLAINTEXT-2b9c41f6",
  password: "PASSWORD-c0ffee11",
};
const { content } = secrets;
export const patterns = "centralcloud-new-patterns";
export const sessions = "agent-sessions";
export const knowledge = "agent-knowledge-updates";

/** Each string and number of a message replaced by the marker, one after the other; and all kinds of junk. */
function spoiled(message: Readonly<Record<string, unknown>>): string[] {
  const each = Object.keys(message).flatMap((name) => [
    JSON.stringify({ ...message, [name]: content }),
    JSON.stringify({ ...message, [name]: { [content]: content } }),
  ]);
  return [
    ...each,
    JSON.stringify(content),
    JSON.stringify(JSON.stringify({ [content]: content })),
    JSON.stringify(`{"broken": "${content}`),
    JSON.stringify({ [content]: content }),
    JSON.stringify([content]),
  ];
}

const good = {
  pattern: {
    agent_id: content,
    pattern: { type: content },
    learned_at: "2025-10-25T10:00:00Z",
    confidence: 0.9,
    source: content,
  },
  knowledge: {
    agents_updated: 1,
    total_patterns: 1,
    updated_at: "2025-10-25T10:00:00Z",
    agents: [{ agent_id: content, pattern_count: 1, confidence: 0.5 }],
  },
};

/** Refuses rows in every way that quotes them. */
export async function layTraps({ singularity, central }: TestSystem): Promise<void> {
  await central.pool.query(`
    create function central.trap_of_test() returns trigger language plpgsql as $$
    declare v_kind text := new.pattern ->> 'trap';
    begin
      if v_kind = 'raise' then raise exception 'refused: %', new.pattern; end if;
      if v_kind = 'cast' then perform (new.pattern ->> 'type')::integer; end if;
      if v_kind = 'unknown' then
        raise exception 'refused: %', new.pattern using errcode = 'XX000', detail = new.pattern::text;
      end if;
      return new;
    end $$;
    create trigger trap_of_test before insert on central.patterns
      for each row execute function central.trap_of_test();
    alter table central.patterns add constraint trap_of_test check (pattern ->> 'trap' <> 'check')`);
  await singularity.pool.query(`
    create function public.trap_of_test() returns trigger language plpgsql as $$
    begin
      raise exception 'refused: %', new.agent_id;
    end $$;
    create trigger trap_of_test before insert or update on public.learned_patterns
      for each row execute function public.trap_of_test();
    create trigger trap_of_test before update on public.pending_tasks
      for each row execute function public.trap_of_test();
    insert into public.agents (agent_id) values ('${content}');
    insert into public.pending_tasks (agent_id) values ('${content}');
    insert into public.analysis_results (agent_id, result) values ('${content}', '{"type":"${content}"}')`);
}

/** Good messages and bad ones of all kinds, marked; returns how many. */
export async function sendEverything(system: TestSystem): Promise<number> {
  const queues = queuesOf(system);
  const { singularity } = system;
  const trapped = ["raise", "cast", "unknown", "check"].map((trap) =>
    JSON.stringify({ ...good.pattern, pattern: { type: content, trap } }),
  );
  const sealed = await sealState(singularity, JSON.stringify({ text: secrets.plaintext }));
  const session = JSON.parse(sessionMessage({ agent_id: content, sealed }));
  const badSeals = [
    { ...sealed, key_id: content },
    { ...sealed, alg: content },
    { ...sealed, data: Buffer.from(content).toString("base64") },
    { ...sealed, data: `${sealed.data.slice(0, -8)}AAAAAAA=` },
  ].map((bad) => JSON.stringify({ ...session, sealed: bad }));
  const large = JSON.stringify({ ...good.pattern, source: content.repeat(70_000) });
  const bodies = {
    [patterns]: [JSON.stringify(good.pattern), large, ...trapped, ...spoiled(good.pattern)],
    [sessions]: [JSON.stringify(session), ...badSeals, ...spoiled(session)],
    [knowledge]: [JSON.stringify(good.knowledge), ...spoiled(good.knowledge)],
  };
  for (const [queue, list] of Object.entries(bodies)) await queues.sendBatch(queue, list);
  await singularity.pool.query(`update pgmq."q_${patterns}" set headers = $1 where msg_id = 1`, [
    JSON.stringify({ message_id: content, traceparent: content, [content]: content }),
  ]);
  await singularity.pool.query(
    "insert into public.agent_sessions (agent_id, state) values ($1, $2)",
    [content, JSON.stringify({ text: secrets.plaintext })],
  );
  return Object.values(bodies).flat().length;
}
