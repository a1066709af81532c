import { QueueClient } from "@centralcloud/queue";
import type { SessionKey } from "@centralcloud/session-keys";
import { beforeAll, describe, expect, test } from "vitest";
import { useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { runCommand } from "../support/run-command.ts";
import { addNewKey } from "../support/session-keys.ts";
import { brief, isNoFirstComparison, traces } from "../support/trace.ts";

/* A session through its versions: two came in plain, one sealed. States are shown to nobody who does not say why. */

const system = useSystem();
failOnLeaks(system);
const capture = useCapture(system);
const { trace, text, run } = traces(system);
const members = useMembers(system, {
  viewer: "centralcloud_viewer",
  operator: "centralcloud_operator",
});
const id = "0b3c6f0e-5b1e-4d43-8a44-0f5e7c7d1a01";
const sessions = "agent-sessions";
let key: SessionKey;

beforeAll(async () => {
  key = await addNewKey(system.singularity, "key-1", { activate: true });
  const part = await capture.start();
  await part.observed("capture-reading");
  const { pool } = system.singularity;
  const plain = (confidence: number, at: string) =>
    new QueueClient(pool).send(
      sessions,
      JSON.stringify({
        agent_id: "agent-7",
        session_id: id,
        session_state: { secret: "hidden words" },
        confidence,
        synced_at: at,
      }),
    );
  await plain(0.1, "2025-10-25T10:00:00Z");
  await plain(0.2, "2025-10-25T11:00:00Z");
  await pool.query(
    `insert into agent_sessions (id, agent_id, state, confidence) values ($1, 'agent-7', '{"secret":"hidden words"}', 0.3)`,
    [id],
  );
  await pool.query("update agent_sessions set confidence = 0.4 where id = $1", [id]);
  await drainAll(system, { sessionKeys: [key] });
  await capture.caughtUp();
  await part.stop();
});

test("each version is told with its merge, and what the store has is the newest one", async () => {
  const told = await trace("--session", id);
  const sent = told.events.filter(({ what }) => what.startsWith("sent as message"));
  expect(sent.map(({ what }) => what.replace(/ as of [^,]*/, ""))).toEqual([
    `sent as message 1 to ${sessions}, session ${id}, confidence 0.1`,
    `sent as message 2 to ${sessions}, session ${id}, confidence 0.2`,
    `sent as message 3 to ${sessions}, session ${id}, sealed for key key-1, confidence 0.3`,
    `sent as message 4 to ${sessions}, session ${id}, sealed for key key-1, confidence 0.4`,
  ]);
  expect(told.events.filter(({ where }) => where === "ledger")).toHaveLength(4);
  expect(brief(told).filter((line) => line.startsWith("store"))).toEqual([
    `store: the store has session ${id} as of then, confidence 0.4`,
  ]);
  expect(told.unknown.filter(isNoFirstComparison)).toEqual([
    expect.objectContaining({ from: null, why: "no changes were captured yet" }),
  ]);
});

test("old and new values of a change stand side by side", async () => {
  const told = await trace("--session", id);
  const updates = told.events.filter(({ what }) => what === "update of agent_sessions");
  const changes = updates.flatMap((update) => update.changes ?? []);
  expect(changes).toContainEqual({ field: "confidence", old: 0.3, new: 0.4 });
  const last = changes.filter(({ field }) => field === "last_synced_at").at(-1);
  expect(`${last?.old}` < `${last?.new}`).toBe(true);
  expect(await text("--session", id)).toMatch(/confidence +0\.3 +→ +0\.4/);
});

test("an agent's session at a time is one command, and what was before and after is left out", async () => {
  const { events } = await trace(
    "--agent",
    "agent-7",
    "--at",
    "2025-10-25T11:01:00Z",
    "--around",
    "2m",
  );
  expect(events).toEqual([]);
  const now = new Date();
  const local = `${now.getHours()}:${`${now.getMinutes()}`.padStart(2, "0")}`;
  const told = await trace("--agent", "agent-7", "--at", local);
  expect(brief(told)).toContainEqual(
    expect.stringMatching(`^queue: sent as message 4 to ${sessions}`),
  );
  const later = await trace(
    "--agent",
    "agent-7",
    "--from",
    new Date(Date.now() + 60_000).toISOString(),
  );
  expect(later.events).toEqual([]);
});

describe("contents", () => {
  const places = [
    ["--session", id],
    ["--agent", "agent-7"],
    ["--message", "1"],
  ];

  test.each(places)("of %s %s are masked, in both forms", async (...asked) => {
    expect(`${JSON.stringify(await trace(...asked))}${await text(...asked)}`).not.toContain(
      "hidden words",
    );
  });

  test("are shown to whoever says why, and that is recorded before", async () => {
    const refused = await run(["--message", "1", "--reveal"]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused.stderr).toContain("--reason");
    expect((await run(["--message", "1", "--reason", "none"])).exitCode).toBe(2);
    const { rows: before } = await system.central.pool.query(
      "select from central.operator_actions where action = 'reveal'",
    );
    expect(before).toEqual([]);
    const told = await trace(
      "--message",
      "1",
      "--reveal",
      "--reason",
      "case 17",
      "--actor",
      "night@desk",
    );
    expect(told.masked).toBe(false);
    const { rows } = await system.central.pool.query(
      `select actor, reason, selection ->> 'msgId' as id, state from central.operator_actions where action = 'reveal'`,
    );
    expect(rows).toEqual([{ actor: "night@desk", reason: "case 17", id: "1", state: "done" }]);
  });
});

describe("a login that only looks", () => {
  const asViewer = (...words: string[]) =>
    runCommand(["trace", "--timeout", "20s", ...words, "--json"], environmentOf(members.viewer));

  test.each([
    ["--agent", "agent-7"],
    ["--session", id],
    ["--message", "3"],
  ])("sees all that is told by %s %s", async (...asked) => {
    const { exitCode, stdout, stderr } = await asViewer(...asked);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(await trace(...asked));
  });

  test("is shown no contents, whatever its reason", async () => {
    const { exitCode, stdout, stderr } = await asViewer(
      "--message",
      "1",
      "--reveal",
      "--reason",
      "curious",
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain("centralcloud_operator");
  });

  test("finds a session's messages by whole identifiers only", async () => {
    const found = async (agent: string) =>
      (
        await members.viewer.singularity.pool.query(
          "select * from public.find_session_messages(p_archived => true, p_agent_id => $1, p_session_id => null)",
          [agent],
        )
      ).rows.length;
    expect(await found("agent-7")).toBe(4);
    const { rows: two } = await members.viewer.singularity.pool.query(
      "select * from public.find_session_messages(p_archived => true, p_agent_id => 'agent-7', p_session_id => null, p_limit => 2)",
    );
    expect(two).toHaveLength(2);
    for (const part of ["agent", "hidden words", '{"secret": "hidden words"}', ""]) {
      expect(await found(part)).toBe(0);
    }
  });
});
