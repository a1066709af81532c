import { beforeEach, expect, test } from "vitest";
import { whileInTransaction } from "../support/concurrently.ts";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const patterns = "centralcloud-new-patterns";
const db = () => system.singularity.pool;

beforeEach(() =>
  db().query(
    `truncate learned_patterns, agent_sessions, agents, learning_sync_log restart identity;
     truncate pgmq."q_${patterns}", pgmq."q_agent-knowledge-updates"`,
  ),
);

async function sync(): Promise<{ batch_id: string | null; pattern_count: number }> {
  return (await db().query("select * from sync_learning_to_centralcloud()")).rows[0];
}

async function insertPatterns(count: number): Promise<void> {
  await db().query(
    `insert into learned_patterns (agent_id, pattern, confidence)
     select 'a', jsonb_build_object('n', i), 0.5 from generate_series(1, $1::integer) i`,
    [count],
  );
}

test("with nothing to queue there is no batch", async () => {
  expect(await sync()).toEqual({ batch_id: null, pattern_count: 0 });
  const { rows } = await db().query("select * from learning_sync_log");
  expect(rows).toEqual([]);
});

test("without the queue nothing is lost, each row tells why, and the next run queues it", async () => {
  await insertPatterns(3);
  await db().query("select pgmq.drop_queue($1)", [patterns]);
  expect(await sync()).toEqual({ batch_id: null, pattern_count: 0 });
  const { rows } = await db().query("select distinct sync_error, synced_at from learned_patterns");
  expect(rows).toEqual([
    { sync_error: expect.stringContaining("does not exist"), synced_at: null },
  ]);
  await db().query("select pgmq.create($1)", [patterns]);
  expect(await sync()).toEqual({ batch_id: expect.any(String), pattern_count: 3 });
});

test("what is unsynced is queued once, and recorded as a batch with its range of messages", async () => {
  await insertPatterns(5);
  const { batch_id } = await sync();
  expect(batch_id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
  expect(await sync()).toEqual({ batch_id: null, pattern_count: 0 });
  const { rows } = await db().query(
    `select b.batch_id, b.pattern_count, b.session_count, b.status,
            b.first_pattern_msg_id = (select min(msg_id) from pgmq."q_${patterns}") as first,
            b.last_pattern_msg_id = (select max(msg_id) from pgmq."q_${patterns}") as last
       from learning_sync_log b`,
  );
  expect(rows).toEqual([
    { batch_id, pattern_count: 5, session_count: 0, status: "queued", first: true, last: true },
  ]);
});

test("a batch is delivered once the consumers have taken all of it, and not before", async () => {
  await insertPatterns(3);
  const { batch_id } = await sync();
  await sync();
  const status = async () =>
    (
      await db().query("select status, delivered_at from learning_sync_log where batch_id = $1", [
        batch_id,
      ])
    ).rows[0];
  expect(await status()).toEqual({ status: "queued", delivered_at: null });
  await drainAll(system);
  await sync();
  expect(await status()).toEqual({ status: "delivered", delivered_at: expect.any(Date) });
});

test("two runs at once queue no pattern twice, and do not wait for each other", async () => {
  await insertPatterns(10);
  const second = await whileInTransaction(
    db(),
    (client) => client.query("select * from sync_learning_to_centralcloud()"),
    sync,
  );
  expect(second.pattern_count).toBe(0);
  const { rows } = await db().query(`select count(*)::integer as count from pgmq."q_${patterns}"`);
  expect(rows).toEqual([{ count: 10 }]);
});

test("a run takes at most 10,000 patterns, and the next one the rest", async () => {
  await insertPatterns(10_001);
  expect((await sync()).pattern_count).toBe(10_000);
  expect((await sync()).pattern_count).toBe(1);
});

test("a summary that could not be queued is queued by the next run", async () => {
  await db().query(
    `insert into learned_patterns (agent_id, pattern, confidence, synced_at) values ('a', '{}', 0.5, now());
     select pgmq.drop_queue('agent-knowledge-updates')`,
  );
  const { rows } = await db().query("select * from update_agent_knowledge()");
  expect(rows).toEqual([{ agents_updated: 1, total_patterns: 1 }]);
  await db().query("select pgmq.create('agent-knowledge-updates')");
  await sync();
  const queued = await db().query(`select message from pgmq."q_agent-knowledge-updates"`);
  expect(queued.rows).toEqual([
    {
      message: {
        agents_updated: 1,
        total_patterns: 1,
        updated_at: expect.any(String),
        agents: [{ agent_id: "a", pattern_count: 1, confidence: 0.5 }],
      },
    },
  ]);
});
