import { reconcile } from "@centralcloud/cdc";
import type { SessionKey } from "@centralcloud/session-keys";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type TestCapture, useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { runCommand } from "../support/run-command.ts";
import { addNewKey } from "../support/session-keys.ts";

const patterns = "centralcloud-new-patterns";

describe("reconciling what is logged with what was delivered", () => {
  const system = useSystem();
  const capture = useCapture(system);
  let part: TestCapture;
  let key: SessionKey;
  let since: Date;
  const query = async <Row extends object>(text: string, values: unknown[] = []) =>
    (await system.singularity.pool.query<Row>(text, values)).rows;
  const look = () => reconcile(system.singularity.pool, system.central.pool, since);
  const drain = () => drainAll(system, { sessionKeys: [key] });

  beforeAll(async () => {
    key = await addNewKey(system.singularity, "key-1", { activate: true });
  });
  beforeEach(async () => {
    part = await capture.start();
    await part.observed("capture-reading");
    const [row] = await query<{ now: Date }>("select clock_timestamp() as now");
    since = row?.now ?? new Date();
  });
  afterAll(() => part?.stop());

  async function learn(agentId: string, count = 1): Promise<string[]> {
    await query(
      `insert into analysis_results (agent_id, result, confidence)
       select $1, jsonb_build_object('n', g % 2), 0.9 from generate_series(1, $2) g`,
      [agentId, count],
    );
    await query("select * from learn_patterns_from_analysis()");
    const rows = await query<{ id: string }>(
      "select id::text from learned_patterns where agent_id = $1 order by id",
      [agentId],
    );
    return rows.map(({ id }) => id);
  }

  test("where all came both ways, nothing is missing", async () => {
    await learn("agent-1", 6);
    await query(`insert into agent_sessions (agent_id, state) values ('agent-1', '{"s": 1}')`);
    await query(`update agent_sessions set state = '{"s": 2}'`);
    await drain();
    const { checked, missing, unlogged } = await look();
    expect({ checked, missing, unlogged }).toEqual({
      checked: { patterns: 6, sessions: 2 },
      missing: [],
      unlogged: [],
    });
  });

  test("a pattern whose message vanished is named, though others like it came", async () => {
    const ids = await learn("agent-2", 5);
    await query(
      `delete from pgmq."q_${patterns}" where message ->> 'agent_id' = 'agent-2'
          and (message ->> 'learned_at')::timestamptz =
              (select learned_at from learned_patterns where id = $1)`,
      [ids[2]],
    );
    await drain();
    const { missing, unlogged } = await look();
    expect(missing).toMatchObject([
      { kind: "pattern", id: ids[2], agentId: "agent-2", where: "nowhere" },
    ]);
    expect(unlogged).toEqual([]);
    const command = await runCommand(
      ["reconcile", "--since", since.toISOString()],
      environmentOf(system),
    );
    expect(command.exitCode).toBe(1);
    expect(command.stdout).toMatch(new RegExp(`pattern +${ids[2]} +agent-2 .* nowhere`));
  });

  test("a session whose message vanished is named", async () => {
    const [session] = await query<{ id: string }>(
      `insert into agent_sessions (agent_id, state) values ('agent-3', '{}') returning id`,
    );
    await query(`delete from pgmq."q_agent-sessions"`);
    await drain();
    expect((await look()).missing).toMatchObject([
      { kind: "session", id: session?.id, agentId: "agent-3", where: "nowhere" },
    ]);
  });

  test("what waits, is dead-lettered or unsynced is told by where it is", async () => {
    const [dead] = await learn("agent-4");
    await query(
      `select pgmq.send('${patterns}-dlq', jsonb_build_object(
                'original_message', message, 'original_headers', headers))
         from pgmq."q_${patterns}";`,
    );
    await query(`delete from pgmq."q_${patterns}"`);
    const [waiting] = await learn("agent-5");
    const [unsynced] = await query<{ id: string }>(
      `insert into learned_patterns (agent_id, pattern, confidence) values ('agent-6', '{}', 1) returning id`,
    );
    expect((await look()).missing.map(({ id, where }) => [id, where])).toEqual([
      [dead, "dead-letter"],
      [waiting, "queue"],
      [unsynced?.id, "unsynced"],
    ]);
    await query(`delete from pgmq."q_${patterns}"`);
  });

  test("what the queue calls delivered, and the central store lacks, is named", async () => {
    const [id] = await learn("agent-7");
    await drain();
    await system.central.pool.query(
      "delete from central.pattern_agents where agent_id = 'agent-7'",
    );
    expect((await look()).missing).toMatchObject([{ id, where: "not-stored" }]);
  });

  test("what was delivered, and the change log lacks, is named", async () => {
    await learn("agent-8");
    await drain();
    await capture.caughtUp();
    await system.central.pool.query("delete from central.change_log where agent_id = 'agent-8'");
    const { missing, unlogged } = await look();
    expect(missing).toEqual([]);
    expect(unlogged).toMatchObject([{ kind: "pattern", agentId: "agent-8" }]);
    const words = ["reconcile", "--since", since.toISOString()];
    const { exitCode, stderr } = await runCommand(words, environmentOf(system));
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: "centralcloud: 0 not delivered, 1 not in the change log\n",
    });
  });

  test("what has no time that can be read is skipped and named, wherever it is", async () => {
    const times = [
      "yesteryear",
      "2026-13-45T00:00:00Z",
      "infinity",
      "2026-01-01 Nowhere/City",
      17,
      null,
    ];
    const body = (at: unknown) =>
      JSON.stringify({ agent_id: "agent-9", pattern: {}, learned_at: at });
    await query("truncate analysis_results");
    const [id] = await learn("agent-9");
    for (const at of times) {
      const headers = `'{"schema": "pattern/1"}'`;
      await query(
        `select pgmq.send('${patterns}-dlq', jsonb_build_object('original_message', $1::jsonb, 'original_headers', ${headers}::jsonb))`,
        [body(at)],
      );
    }
    await query(
      `insert into pgmq."a_${patterns}" (msg_id, vt, message, headers) values (-7, now(), $1, '{"schema": "pattern/1"}');`,
      [body("no time at all")],
    );
    await query(
      `select pgmq.send('agent-sessions', '{"session_id": "s", "agent_id": "agent-9", "synced_at": "soon"}', '{"schema": "session/1"}'::jsonb)`,
    );
    await query(`select pgmq.send('${patterns}', '"no object"', '{"schema": "pattern/1"}'::jsonb)`);
    const { missing, unreadable } = await look();
    expect(missing.map(({ id, where }) => [id, where])).toEqual([[id, "queue"]]);
    const count = (where: string) => unreadable.filter((one) => one.where === where).length;
    expect([count("dead-letter"), count("archive"), count("queue")]).toEqual([times.length, 1, 2]);
    expect(unreadable).toContainEqual({
      kind: "pattern",
      where: "archive",
      id: "-7",
      agentId: "agent-9",
    });
    const words = ["reconcile", "--since", since.toISOString()];
    const { exitCode, stdout } = await runCommand(words, environmentOf(system));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/its time can't be read:\n(.*\n)+pattern +archive +-7 +agent-9/);
    await query(
      `truncate pgmq."q_${patterns}", pgmq."q_${patterns}-dlq", pgmq."q_agent-sessions"; delete from pgmq."a_${patterns}" where msg_id < 0`,
    );
  });

  test("an entry of the change log whose time can't be read is named, and the rest compared", async () => {
    await learn("agent-10", 2);
    await drain();
    await capture.caughtUp();
    await system.central.pool.query(
      `update central.change_log set new_values = jsonb_set(new_values, '{learned_at}', '"24.12.2026 25 Uhr"')
        where ordinal = (select min(ordinal) from central.change_log where agent_id = 'agent-10' and table_name = 'learned_patterns')
          and agent_id = 'agent-10' and table_name = 'learned_patterns'`,
    );
    const { missing, unlogged, unreadable } = await look();
    expect(missing).toEqual([]);
    expect(unlogged).toMatchObject([{ agentId: "agent-10" }]);
    expect(unreadable).toMatchObject([
      { kind: "pattern", where: "change-log", agentId: "agent-10" },
    ]);
  });

  test("without a capture it says so", async () => {
    await part.stop();
    await system.central.pool.query("create table kept as table central.capture_cursors");
    await system.central.pool.query("delete from central.capture_cursors");
    const { exitCode, stderr } = await runCommand(["reconcile"], environmentOf(system));
    await system.central.pool.query("insert into central.capture_cursors table kept");
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: `centralcloud: ${system.singularity.name} could not be asked: nothing is captured of this source\n`,
    });
  });
});
