import {
  createCapturedTables,
  defaultTables,
  getCdcChanges,
  getPatternChanges,
  getSessionChanges,
} from "@centralcloud/client";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { pluginsHere, useCapture } from "../support/capture.ts";
import { environmentOf, type RunningCommand, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

describe.each(pluginsHere)("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);
  const target = () => ({
    url: system.singularity.url,
    tables: createCapturedTables(defaultTables, []),
  });
  const environment = () => ({ ...environmentOf(system), CDC_OUTPUT_PLUGIN: plugin });
  const running: RunningCommand[] = [];

  beforeAll(async () => {
    const part = await capture.start();
    await part.observed("capture-reading");
    await part.stop();
    await system.singularity.pool.query(
      `insert into agents (agent_id) values ('agent-1'), ('agent-2');
       insert into learned_patterns (agent_id, pattern, confidence)
         values ('agent-1', '{"exact": 1.10}', 0.9), ('agent-2', '{"b": 2}', 0.8);
       insert into agent_sessions (id, agent_id, state)
         values ('00000000-0000-4000-8000-000000000001', 'agent-1', '{"secret": 1}');`,
    );
  });
  afterEach(async () => {
    for (const { child, finished } of running.splice(0)) {
      child.kill("SIGKILL");
      await finished;
    }
  });

  async function confirmed(): Promise<string | undefined> {
    const { rows } = await system.singularity.pool.query<{ lsn: string }>(
      `select confirmed_flush_lsn::text as lsn from pg_replication_slots
        where database = current_database() and not temporary`,
    );
    expect(rows).toHaveLength(1);
    return rows[0]?.lsn;
  }

  test("asking for patterns consumes neither them nor sessions", async () => {
    const before = await confirmed();
    for (let time = 0; time < 2; time += 1) {
      const patterns = await getPatternChanges(target());
      expect(patterns.map(({ table, operation }) => [table, operation])).toEqual([
        ["learned_patterns", "insert"],
        ["learned_patterns", "insert"],
      ]);
      expect(patterns[0]?.newValues).toContain('"pattern":{"exact": 1.10}');
      const sessions = await getSessionChanges(target());
      expect(sessions.map(({ operation }) => operation)).toEqual(["insert", "update"]);
      expect(JSON.stringify(sessions, (_, value) => String(value))).not.toContain("secret");
      expect((await getCdcChanges(target())).map(({ table }) => table)).toEqual([
        "agents",
        "agents",
        "learned_patterns",
        "learned_patterns",
        "agent_sessions",
        "agent_sessions",
      ]);
    }
    expect(await confirmed()).toBe(before);
  });

  test("filters narrow down what is shown, before the limit counts", async () => {
    const ofAgent = await getCdcChanges(target(), { agentId: "agent-2" });
    expect(ofAgent.map(({ table }) => table)).toEqual(["agents", "learned_patterns"]);
    const limited = await getCdcChanges(target(), { tables: ["learned_patterns"], limit: 1 });
    expect(limited.map(({ ordinal }) => ordinal)).toEqual([2]);
    const ofSession = await getCdcChanges(target(), {
      sessionId: "00000000-0000-4000-8000-000000000001",
      operations: ["update"],
    });
    expect(ofSession).toHaveLength(1);
  });

  test("the command shows the same, as lines and as JSON", async () => {
    const words = ["cdc", "peek", "--table", "learned_patterns", "--agent", "agent-1"];
    const lines = await runCommand(words, environment());
    expect(lines.stdout).toMatch(
      /insert {2}learned_patterns {2}\{"id":\d+\} {2}\{.*"exact": 1\.10/,
    );
    const json = await runCommand([...words, "--json"], environment());
    expect(json).toMatchObject({ exitCode: 0, stderr: "" });
    expect(json.stdout).toContain('"exact": 1.10');
    expect(JSON.parse(json.stdout)).toMatchObject([
      { source: system.singularity.name, operation: "insert", newValues: { agent_id: "agent-1" } },
    ]);
  });

  test("tail follows what is committed from now on, of the tables that are named", async () => {
    const words = ["cdc", "tail", "--json", "--table", "agents"];
    const command = startCommand(words, environment());
    running.push(command);
    await until("it to follow", () => command.errors().includes("following"));
    await system.singularity.pool.query(
      "update learned_patterns set confidence = 0.1; insert into agents (agent_id) values ('new')",
    );
    await until("the change to be shown", () => command.output().includes("new"));
    command.child.kill("SIGTERM");
    const { exitCode, stdout } = await command.finished;
    expect(exitCode).toBe(0);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ table: "agents", operation: "insert", newValues: { agent_id: "new" } }]);
    await until("its slot to be gone", async () => {
      const { rows } = await system.singularity.pool.query(
        "select from pg_replication_slots where database = current_database()",
      );
      return rows.length === 1;
    });
  });

  test("peek works beside a reader that is at work, and finds what it has not recorded", async () => {
    const part = await capture.start();
    await part.observed("capture-reading");
    await capture.caughtUp();
    expect(await getCdcChanges(target())).toEqual([]);
    expect((await capture.log()).length).toBeGreaterThan(6);
  });

  test("without a slot there is nothing to peek at, and status says off", async () => {
    const reason = ["--reason", "a test"];
    const dropped = await runCommand(["cdc", "drop", ...reason], environment());
    expect(JSON.parse(dropped.stdout)).toMatchObject({ source: system.singularity.name });
    const peeked = await runCommand(["cdc", "peek"], environment());
    expect(peeked).toMatchObject({ exitCode: 1, stdout: "" });
    expect(peeked.stderr).toContain("it has no slot");
    const status = await runCommand(["cdc", "status", "--json"], environment());
    expect(JSON.parse(status.stdout)).toMatchObject([{ state: "off", slot: null }]);
    const { rows } = await system.singularity.pool.query(
      "select (select count(*)::integer from pg_publication) as publications, count(*)::integer as slots from pg_replication_slots where database = current_database()",
    );
    expect(rows).toEqual([{ publications: 0, slots: 0 }]);
    expect((await capture.marks()).map(({ operation }) => operation)).toEqual(["begin", "end"]);
  });
});
