import { createKeyRing, generateKey, type KeyRing } from "@centralcloud/session-keys";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { openSession } from "../support/session-keys.ts";

const system = useSystem();
failOnLeaks(system);
const db = () => system.singularity.pool;
const queue = "agent-sessions";
let ring: KeyRing;

beforeAll(async () => {
  const key = await generateKey({ alg: "openpgp", keyId: "test-key" });
  ring = await createKeyRing([key]);
  await db().query("select add_session_key($1, $2, $3, false)", [
    key.keyId,
    key.alg,
    Buffer.from(ring.keys[0]?.publicKey ?? []),
  ]);
});

beforeEach(async () => {
  await db().query(`truncate agent_sessions; truncate pgmq."q_${queue}"`);
  await activateKey(true);
});

async function activateKey(active: boolean): Promise<void> {
  await db().query("update session_keys set active = $1", [active]);
}

interface QueuedSession {
  readonly headers: Record<string, string>;
  readonly message: Record<string, unknown> & {
    sealed: { alg: string; key_id: string; data: string; data_key: string };
    agent_id: string;
    session_id: string;
    synced_at: string;
  };
}

/** The state that a message carries, which its seal must be made for. */
async function stateIn(sent: QueuedSession | undefined): Promise<string> {
  if (sent === undefined) throw new Error("nothing was sent");
  const { agent_id: agent, session_id: session, synced_at: version, sealed } = sent.message;
  const opened = await openSession(system.singularity, ring, sealed, { agent, session, version });
  expect(opened.bound).toBe(true);
  return opened.state;
}

async function queued(): Promise<QueuedSession[]> {
  const { rows } = await db().query(
    `select message, headers from pgmq."q_${queue}" order by msg_id`,
  );
  return rows;
}

async function insertSession(state: string): Promise<string> {
  const { rows } = await db().query(
    "insert into agent_sessions (agent_id, state) values ('agent-1', $1) returning id",
    [state],
  );
  return rows[0].id;
}

async function readSession(id: string) {
  const { rows } = await db().query(
    "select unsynced, sync_error, last_synced_at::text from agent_sessions where id = $1",
    [id],
  );
  return rows[0];
}

describe("when sealing or queueing is impossible, the application's statement succeeds", () => {
  test("without an active key: the session waits with the reason, and is delivered by the next sync", async () => {
    await activateKey(false);
    const id = await insertSession('{"step":1}');
    await db().query(`update agent_sessions set state = '{"step":2}' where id = $1`, [id]);
    expect(await readSession(id)).toEqual({
      unsynced: true,
      sync_error: "no session key is active",
      last_synced_at: null,
    });
    expect(await queued()).toEqual([]);
    await db().query("select * from sync_learning_to_centralcloud()");
    expect((await readSession(id)).unsynced).toBe(true);

    await activateKey(true);
    await db().query("select * from sync_learning_to_centralcloud()");
    expect(await readSession(id)).toMatchObject({ unsynced: false, sync_error: null });
    const [session, ...others] = await queued();
    expect(others).toEqual([]);
    expect(await stateIn(session)).toBe('{"step": 2}');
    const { rows } = await db().query(
      "select session_count, first_session_msg_id is not null as ranged from learning_sync_log",
    );
    expect(rows).toEqual([{ session_count: 1, ranged: true }]);
  });

  test("without the queue", async () => {
    await db().query("select pgmq.drop_queue($1)", [queue]);
    const id = await insertSession('{"step":1}');
    expect(await readSession(id)).toMatchObject({
      unsynced: true,
      sync_error: expect.stringContaining("does not exist"),
    });
    await db().query("select create_queue($1)", [queue]);
    await db().query("select * from sync_learning_to_centralcloud()");
    expect((await readSession(id)).unsynced).toBe(false);
    expect(await queued()).toHaveLength(1);
  });

  test("and one session that can't be queued stops no other", async () => {
    await activateKey(false);
    await db().query(
      `insert into agent_sessions (agent_id, state) values ('refused', '{"n":1}'), ('fine', '{"n":2}')`,
    );
    await activateKey(true);
    await db().query(
      `alter table pgmq."q_${queue}" add constraint refuse check (message ->> 'agent_id' <> 'refused')`,
    );
    await db().query("select * from sync_learning_to_centralcloud()");
    await db().query(`alter table pgmq."q_${queue}" drop constraint refuse`);
    const { rows } = await db().query(
      "select agent_id, unsynced, sync_error from agent_sessions order by 1",
    );
    expect(rows).toEqual([
      { agent_id: "fine", unsynced: false, sync_error: null },
      { agent_id: "refused", unsynced: true, sync_error: expect.stringContaining("refuse") },
    ]);
  });
});

test("a new session is sealed, queued with its headers, and stamped", async () => {
  const id = await insertSession('{"step":12345678901234567890,"exact":0.10}');
  const session = await readSession(id);
  expect(session).toMatchObject({ unsynced: false, sync_error: null });
  const [sent] = await queued();
  expect(sent).toMatchObject({
    headers: {
      schema: "session/1",
      message_id: expect.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
    },
    message: {
      agent_id: "agent-1",
      session_id: id,
      confidence: 0.5,
      ulid: expect.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
      sealed: {
        alg: "openpgp-data-key",
        key_id: "test-key",
        data_key: expect.any(String),
        data: expect.any(String),
      },
    },
  });
  expect(sent?.message).not.toHaveProperty("session_state");
  expect(JSON.stringify(sent)).not.toContain("12345678901234567890");
  expect(await stateIn(sent)).toBe('{"step": 12345678901234567890, "exact": 0.10}');
  const { rows } = await db().query("select $1::timestamptz = $2::timestamptz as same", [
    sent?.message.synced_at,
    session.last_synced_at,
  ]);
  expect(rows).toEqual([{ same: true }]);
});

test("only a real change of state or confidence is queued", async () => {
  const id = await insertSession('{"step":1}');
  for (const nothing of [
    `state = '{"step":1}'`,
    `state = '{"step": 1.0}'`,
    "confidence = 0.50",
    "agent_id = 'agent-2'",
    "last_synced_at = last_synced_at",
  ]) {
    await db().query(`update agent_sessions set ${nothing} where id = $1`, [id]);
  }
  expect(await queued()).toHaveLength(1);
  await db().query(`update agent_sessions set confidence = 0.51 where id = $1`, [id]);
  await db().query(`update agent_sessions set state = '{"step":2}' where id = $1`, [id]);
  expect(await queued()).toHaveLength(3);
});

test("an insert that a conflict turns into an update queues the row once", async () => {
  const id = await insertSession('{"step":1}');
  await db().query(
    `insert into agent_sessions (id, agent_id, state) values ($1, 'agent-1', '{"step":2}')
     on conflict (id) do update set state = excluded.state`,
    [id],
  );
  expect(await queued()).toHaveLength(2);
});

test("versions of a session always ascend, also in one transaction and when the clock went back", async () => {
  const id = await insertSession('{"step":0}');
  await db().query(
    "update agent_sessions set last_synced_at = clock_timestamp() + interval '1 hour'",
  );
  const client = await db().connect();
  await client.query("begin");
  for (let step = 1; step <= 5; step++) {
    await client.query(`update agent_sessions set state = $2 where id = $1`, [id, { step }]);
  }
  await client.query("commit");
  client.release();
  const { rows } = await db().query(
    `select count(*)::integer as count,
            array_agg(msg_id order by (message ->> 'synced_at')::timestamptz) = array_agg(msg_id order by msg_id) as ordered,
            count(distinct message ->> 'synced_at')::integer as versions
       from pgmq."q_${queue}" where (message ->> 'synced_at')::timestamptz > clock_timestamp() + interval '30 minutes'`,
  );
  expect(rows).toEqual([{ count: 5, ordered: true, versions: 5 }]);
});

test("many sessions changed by one statement are all queued", async () => {
  await db().query(
    "insert into agent_sessions (agent_id, state) select 'a', jsonb_build_object('n', i) from generate_series(1, 50) i",
  );
  await db().query(`update agent_sessions set state = state || '{"changed":true}'`);
  expect(await queued()).toHaveLength(100);
});

test("a change that is rolled back is not queued", async () => {
  const client = await db().connect();
  await client.query("begin");
  await client.query(`insert into agent_sessions (agent_id, state) values ('a', '{}')`);
  await client.query("rollback");
  client.release();
  expect(await queued()).toEqual([]);
});

describe("a statement that changes many sessions", () => {
  test("queues each that changed once, whatever else it touches, and stamps it with its message's version", async () => {
    await db().query(
      "insert into agent_sessions (agent_id, state) select 'a', jsonb_build_object('n', i) from generate_series(1, 1200) i",
    );
    await db().query(`truncate pgmq."q_${queue}"`);
    await db().query(
      "update agent_sessions set state = case when (state ->> 'n')::integer % 2 = 0 then state || '{\"m\":1}' else state end",
    );
    const { rows } = await db().query(
      `select count(*)::integer as messages, count(distinct q.message ->> 'session_id')::integer as sessions,
              count(distinct q.message #>> '{sealed,data_key}')::integer as data_keys,
              bool_and(s.state ? 'm' and not s.unsynced and s.last_synced_at = (q.message ->> 'synced_at')::timestamptz) as stamped
         from pgmq."q_${queue}" q join agent_sessions s on s.id = (q.message ->> 'session_id')::uuid`,
    );
    expect(rows).toEqual([{ messages: 600, sessions: 600, data_keys: 1, stamped: true }]);
    const [first] = await queued();
    expect(JSON.parse(await stateIn(first))).toMatchObject({ m: 1 });
  });

  test("leaves the one that can't be queued behind, with the reason, and queues all others", async () => {
    await db().query(
      `alter table pgmq."q_${queue}" add constraint refuse check (message ->> 'agent_id' <> 'refused')`,
    );
    try {
      await db().query(
        "insert into agent_sessions (agent_id, state) select case i when 37 then 'refused' else 'a' end, '{}' from generate_series(1, 100) i",
      );
    } finally {
      await db().query(`alter table pgmq."q_${queue}" drop constraint refuse`);
    }
    const { rows } = await db().query(
      "select agent_id, sync_error from agent_sessions where unsynced",
    );
    expect(rows).toEqual([{ agent_id: "refused", sync_error: expect.stringContaining("refuse") }]);
    expect(await queued()).toHaveLength(99);
  });

  test("succeeds without an active key and without the queue, and marks all of them", async () => {
    await activateKey(false);
    await db().query(
      "insert into agent_sessions (agent_id) select 'a' from generate_series(1, 20)",
    );
    await activateKey(true);
    const { rows } = await db().query(
      "select sync_error, count(*)::integer as count from agent_sessions where unsynced group by 1",
    );
    expect(rows).toEqual([{ sync_error: "no session key is active", count: 20 }]);
    await db().query("select * from sync_learning_to_centralcloud()");
    expect(await queued()).toHaveLength(20);
  });

  test("may be one of a trigger or function of the application", async () => {
    const id = await insertSession("{}");
    await db().query(`do $$ begin
      update agent_sessions set state = '{"by":"a block"}';
      update agent_sessions set confidence = 0.7;
    end $$`);
    const sent = await queued();
    expect(sent).toHaveLength(3);
    expect(sent.map(({ message }) => message.session_id)).toEqual([id, id, id]);
    expect(await stateIn(sent[2])).toBe('{"by": "a block"}');
  });
});
