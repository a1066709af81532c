import { maintainChangeLog, readChangeLog } from "@centralcloud/cdc";
import { migrate, readLandedStates } from "@centralcloud/db";
import { beforeAll, expect, test } from "vitest";
import { useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";

const system = useSystem();
failOnLeaks(system);
const capture = useCapture(system);
const sourceId = "00000000-0000-4000-8000-00000000000a";
const query = async <Row extends object>(text: string, values: unknown[] = []) =>
  (await system.central.pool.query<Row>(text, values)).rows;

async function record(...changes: Record<string, unknown>[]): Promise<number> {
  const rows = changes.map((change, ordinal) => ({
    lsn: 100,
    ordinal,
    table_name: "agents",
    operation: "insert",
    ...change,
  }));
  const [row] = await query<{ recorded: number }>(
    "select central.record_changes($1, $2) as recorded",
    [sourceId, JSON.stringify(rows)],
  );
  return row?.recorded ?? -1;
}

async function partitions(): Promise<string[]> {
  const rows = await query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits
      where inhparent = 'central.change_log'::regclass order by 1`,
  );
  return rows.map(({ name }) => name);
}

beforeAll(() => query("select central.register_source($1, 'recorded by hand')", [sourceId]));

test("changes go to the partition of their day, which is made for them", async () => {
  const recorded = await record(
    { committed_at: "2026-01-01T23:59:59.999999Z" },
    { committed_at: "2026-01-02T00:00:00Z" },
    { committed_at: "2026-01-02T01:00:00+02:00", lsn: 50 },
  );
  expect(recorded).toBe(3);
  expect(await partitions()).toEqual([
    "central.change_log_20260101",
    "central.change_log_20260102",
  ]);
  const rows = await query(
    "select tableoid::regclass::text as name, count(*)::integer as count from central.change_log group by 1 order by 1",
  );
  expect(rows).toEqual([
    { name: "central.change_log_20260101", count: 2 },
    { name: "central.change_log_20260102", count: 1 },
  ]);
  const owners = await query(
    "select distinct relowner::regrole::text as owner from pg_class where relname like 'change_log_2026%'",
  );
  expect(owners).toEqual([{ owner: "centralcloud_owner" }]);
});

test("a change that is there already changes nothing", async () => {
  const change = { committed_at: "2026-01-03T12:00:00Z", lsn: 200, key: { agent_id: "once" } };
  expect(await record(change)).toBe(1);
  expect(await record({ ...change, key: { agent_id: "twice" } })).toBe(0);
  expect(await query("select key from central.change_log where lsn = 200")).toEqual([
    { key: { agent_id: "once" } },
  ]);
});

test("a change that makes no sense is refused, with its whole transaction", async () => {
  const attempt = record(
    { committed_at: "2026-01-04T12:00:00Z", lsn: 300 },
    { committed_at: "2026-01-04T12:00:00Z", lsn: 300, operation: "nonsense" },
  );
  await expect(attempt).rejects.toThrow("operation_is_known");
  expect(await query("select from central.change_log where lsn = 300")).toEqual([]);
});

test("days beyond the retention go, and those of today and tomorrow are made ahead", async () => {
  const day = (offset: number) =>
    `central.change_log_${new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "")}`;
  const at = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString();
  await record(
    { committed_at: at(-31), lsn: 400 },
    { committed_at: at(-30), lsn: 400 },
    { committed_at: at(0), lsn: 400 },
  );
  const dropped = await maintainChangeLog(system.central.pool, 30);
  expect(dropped).toContain(day(-31).replace("central.", ""));
  expect(await partitions()).toEqual([day(-30), day(0), day(1)].toSorted());
  expect(await maintainChangeLog(system.central.pool, 30)).toEqual([]);
});

test("an agent's, a session's and an hour's history can be asked for", async () => {
  const part = await capture.start();
  await part.observed("capture-reading");
  const { pool } = system.singularity;
  const id = "00000000-0000-4000-8000-000000000001";
  await pool.query("insert into agents (agent_id) values ('agent-1'), ('agent-2')");
  await pool.query(`insert into agent_sessions (id, agent_id) values ($1, 'agent-1')`, [id]);
  await pool.query("delete from agent_sessions");
  await capture.caughtUp();
  const brief = async (filter: Parameters<typeof readChangeLog>[1]) =>
    (await readChangeLog(system.central.pool, { source: system.singularity.name, ...filter })).map(
      ({ table, operation }) => `${operation} ${table}`,
    );
  expect(await brief({ agentId: "agent-1" })).toEqual([
    "insert agents",
    "insert agent_sessions",
    "update agent_sessions",
  ]);
  expect(await brief({ sessionId: id })).toEqual([
    "insert agent_sessions",
    "update agent_sessions",
    "delete agent_sessions",
  ]);
  expect(await brief({ tables: ["agents"], limit: 1 })).toEqual(["insert agents"]);
  expect(await brief({ to: new Date("2026-01-01T00:00:00Z") })).toEqual([]);
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
  const words = ["cdc", "log", "--from", anHourAgo, "--agent", "agent-2", "--json"];
  const { exitCode, stdout } = await runCommand(words, environmentOf(system));
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([{ table: "agents", key: { agent_id: "agent-2" } }]);
});

test("the entries of a database from before partitions are kept", async () => {
  const database = await createTestDatabase();
  try {
    const first = readLandedStates("central").find(({ name }) => name.startsWith("0000"));
    const client = await database.pool.connect();
    await client.query(first?.script ?? "");
    await client.query(
      `set search_path to default;
       insert into central.change_log
         (source_id, lsn, ordinal, xid, committed_at, table_name, operation, key, new_values)
       values ($$${sourceId}$$, 1, 0, 7, '2026-01-01T00:00:00Z', 'agents', 'insert', '{"agent_id": "a"}', '{"agent_id": "a"}'),
              ($$${sourceId}$$, 2, 0, 8, '2026-01-02T23:00:00Z', 'agents', 'delete', '{"agent_id": "a"}', null)`,
    );
    client.release(true);
    await migrate("central", database.url, () => {});
    const { rows } = await database.pool.query(
      `select c.lsn::integer, c.operation, c.agent_id, c.tableoid::regclass::text as partition,
              (select relowner::regrole::text from pg_class where oid = c.tableoid) as owner
         from central.change_log c order by c.lsn`,
    );
    const owner = "centralcloud_owner";
    expect(rows).toEqual([
      {
        lsn: 1,
        operation: "insert",
        agent_id: "a",
        partition: "central.change_log_20260101",
        owner,
      },
      {
        lsn: 2,
        operation: "delete",
        agent_id: "a",
        partition: "central.change_log_20260102",
        owner,
      },
    ]);
  } finally {
    await dropTestDatabase(database);
  }
});
