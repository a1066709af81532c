import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatSessionKey, generateKey } from "@centralcloud/session-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { listCommands } from "../support/command-list.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { patterns, putDeadLetter, sourceOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { attempt, useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";

/*
 * Every command as each of the people's logins: a viewer looks, an operator acts besides, and what is the administrator's
 * is refused to both, with the name of the role that it takes.
 */

const system = useSystem();
const members = useMembers(system, {
  viewer: "centralcloud_viewer",
  operator: "centralcloud_operator",
});
failOnLeaks(system);
const directory = mkdtempSync(join(tmpdir(), "centralcloud-people-"));
const keyFile = join(directory, "key.json");
const exported = join(directory, "dead-letters.jsonl");
afterAll(() => rmSync(directory, { recursive: true }));

beforeAll(async () => {
  const key = await generateKey({ alg: "openpgp", keyId: "people-1" });
  writeFileSync(keyFile, formatSessionKey(key), { mode: 0o600 });
  await queuesOf(system).send(patterns, patternMessage());
  await queuesOf(system).send("agent-sessions", sessionMessage());
  await drainAll(system);
  await putDeadLetter(system.singularity, { original: patternMessage() });
  const { exitCode, stdout } = await runCommand(["dlq", "export"], environmentOf(system));
  expect(exitCode).toBe(0);
  writeFileSync(exported, stdout);
  await queuesOf(system).send("agent-sessions", sessionMessage());
});

function sessionMessage(): string {
  return JSON.stringify({
    agent_id: "agent-1",
    session_id: randomUUID(),
    session_state: { secret: "never shown" },
    synced_at: new Date().toISOString(),
  });
}

type Who = keyof typeof members;

const run = (who: Who, words: readonly string[]) =>
  runCommand(words, { ...environmentOf(members[who]), SESSION_PRIVATE_KEYS_FILE: keyFile });

interface Case {
  /** What to do; a dead letter that waits stands for DEAD_LETTER. */
  readonly words: string;
  /** Whose it is: whoever may look, who acts, or neither. */
  readonly for: "viewer" | "operator" | "administrator";
  /** Where it is none of the usual refusals, what it says. */
  readonly refusal?: RegExp;
}

const because = ' --reason "a test"';
const cases: Readonly<Record<string, Case>> = {
  queues: { words: "queues", for: "viewer" },
  "queues peek": { words: "queues peek agent-sessions", for: "viewer" },
  "queues rates": { words: "queues rates", for: "viewer" },
  "queues failures": { words: "queues failures", for: "viewer" },
  consumers: { words: "consumers", for: "viewer" },
  jobs: { words: "jobs", for: "viewer" },
  "jobs runs": { words: "jobs runs", for: "viewer" },
  "keys list": { words: "keys list", for: "viewer" },
  "sessions list": { words: "sessions list", for: "viewer" },
  "sources list": { words: "sources list", for: "viewer" },
  "dlq list": { words: "dlq list", for: "viewer" },
  "dlq count": { words: "dlq count", for: "viewer" },
  "dlq show": { words: "dlq show DEAD_LETTER", for: "viewer" },
  "dlq groups": { words: "dlq groups", for: "viewer" },
  trace: { words: "trace --agent agent-1", for: "viewer" },
  "dlq body": { words: `dlq body DEAD_LETTER --reveal${because}`, for: "operator" },
  "dlq export": { words: "dlq export", for: "operator" },
  "actions list": { words: "actions list", for: "viewer" },
  "actions show": { words: "actions show ACTION", for: "viewer" },
  "cdc status": { words: "cdc status", for: "viewer" },
  "cdc log": { words: "cdc log", for: "viewer" },
  "dlq replay": { words: `dlq replay DEAD_LETTER${because}`, for: "operator" },
  "dlq discard": { words: `dlq discard DEAD_LETTER${because}`, for: "operator" },
  "dlq restore": { words: `dlq restore --all${because}`, for: "operator" },
  "dlq replay-archive": { words: `dlq replay-archive --all${because}`, for: "operator" },
  "replay-archive": { words: `replay-archive --all${because}`, for: "operator" },
  "actions pause": { words: "actions pause PLANNED", for: "operator" },
  "actions resume": { words: "actions resume RUNNING", for: "operator" },
  "actions cancel": { words: "actions cancel PLANNED", for: "operator" },
  "actions rate": { words: "actions rate PLANNED 10", for: "operator" },
  "jobs run": { words: "jobs run assign-tasks-every-2min", for: "operator" },
  "sources adopt": { words: `sources adopt --source SOURCE${because}`, for: "operator" },
  "keys add": { words: "keys add --from KEY", for: "operator" },
  "dlq import": { words: `dlq import EXPORT${because}`, for: "administrator" },
  // It takes a copy to get so far; what it would do is refused by the tables that it would lock.
  "sources renew": {
    words: `sources renew --source SOURCE${because}`,
    for: "administrator",
    refusal: /is the source that the central store knows/,
  },
  "keys ensure": { words: "keys ensure --from KEY", for: "administrator" },
  "keys bind": { words: "keys bind", for: "administrator" },
  "sessions show": { words: "sessions show SESSION", for: "administrator" },
  migrate: { words: "migrate", for: "administrator" },
  "cdc recreate": { words: `cdc recreate${because}`, for: "administrator" },
  "cdc drop": { words: `cdc drop${because}`, for: "administrator" },
};

/** Shown elsewhere, or no matter of a login of people: services, files, and what takes a capture or compares tables. */
const others = [
  ...["consume", "console", "drain", "scheduler", "keys generate", "keys add-to-ring", "doctor"],
  // Until it is stopped: see dlq/workers.test.ts.
  ...["actions work"],
  ...["completion", "dlq edit"],
  ...["cdc run", "cdc peek", "cdc tail", "reconcile"],
];

test("every command is one of these", async () => {
  expect((await listCommands()).sort()).toEqual([...Object.keys(cases), ...others].sort());
});

async function wordsOf(text: string): Promise<readonly string[]> {
  const given: Record<string, string> = {
    KEY: keyFile,
    EXPORT: exported,
    SOURCE: system.singularity.name,
  };
  if (text.includes("DEAD_LETTER"))
    given.DEAD_LETTER = await putDeadLetter(system.singularity, { original: patternMessage() });
  if (text.includes("PLANNED")) given.PLANNED = await plan();
  if (text.includes("RUNNING")) given.RUNNING = await plan(system.singularity.name);
  if (text.includes("ACTION")) given.ACTION = await plan();
  if (text.includes("SESSION")) {
    const { rows } = await system.central.pool.query<{ id: string }>(
      "select session_id as id from central.agent_sessions limit 1",
    );
    given.SESSION = rows[0]?.id ?? "";
  }
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(
    ([, quoted, word = ""]) => quoted ?? given[word] ?? word,
  );
}

/** @param sourceName plans a discard of nothing there; default: an action of no source. */
async function plan(sourceName?: string): Promise<string> {
  const { sourceId } = await sourceOf(system.singularity);
  const part = {
    ...{ source_id: sourceId, source_name: sourceName, queue: patterns, expected: 0 },
    selection: { ids: ["987654321"], pathIsPredicate: false },
  };
  const { rows } = await system.central.pool.query<{ id: string }>(
    `select action_id::text as id
       from central.plan_operator_action('discard', 'test', 'a test', '{}', $1, p_channel => 'cli')`,
    [JSON.stringify(sourceName === undefined ? [] : [part])],
  );
  return rows[0]?.id ?? "";
}

const refused = /permission denied|lacks .* on|must be (owner|a member)|may not|can't be/;

describe.each(Object.entries(cases))("%s", (_, one) => {
  test.each(["viewer", "operator"] as const)("as %s", async (who) => {
    const { exitCode, stdout, stderr } = await run(who, await wordsOf(one.words));
    const isAllowed = one.for === "viewer" || one.for === who;
    if (isAllowed) expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    else {
      expect(exitCode, stdout).toBe(1);
      expect(stderr).toMatch(one.refusal ?? refused);
    }
  });
});

test.each(["viewer", "operator"] as const)(
  "the doctor tells %s whatever it tells others",
  async (who) => {
    const { stdout } = await run(who, ["doctor", "--all"]);
    expect(stdout).not.toMatch(/may not see it/);
    expect(stdout).toContain(
      `is a member of centralcloud_${who}; a consumer logs in as another role`,
    );
    expect(stdout).toMatch(/^0 errors, /m);
  },
);

describe("an operator", () => {
  test("is named by the record, whatever it says of itself", async () => {
    const id = await putDeadLetter(system.singularity, { original: patternMessage() });
    const { exitCode } = await run("operator", [
      ...["dlq", "discard", id, "--reason", "a test", "--actor", "somebody else"],
    ]);
    expect(exitCode).toBe(0);
    const login = members.operator.login.name;
    const { rows } = await system.central.pool.query(
      "select actor, login, message_count from central.operator_actions order by id desc limit 1",
    );
    expect(rows).toEqual([{ actor: "somebody else", login, message_count: 1 }]);
    const { rows: parts } = await system.singularity.pool.query(
      `select login, moved_count::integer as moved from operator_action_progress order by updated_at desc limit 1`,
    );
    expect(parts).toEqual([{ login, moved: 1 }]);
  });

  test("who decides about a source is named by its login, whatever it says of itself", async () => {
    const { exitCode } = await run("operator", [
      ...["sources", "adopt", "--source", system.singularity.name],
      ...["--reason", "a test", "--actor", "somebody else"],
    ]);
    expect(exitCode).toBe(0);
    const { sourceId } = await sourceOf(system.singularity);
    const { rows } = await system.central.pool.query(
      "select decided_by from central.sources where source_id = $1",
      [sourceId],
    );
    expect(rows).toEqual([{ decided_by: members.operator.login.name }]);
  });

  const forged = "'00000000-0000-4000-8000-000000000000'";
  test.each([
    ["changes a record", "update central.operator_actions set actor = 'nobody'"],
    ["removes a record", "delete from central.operator_actions"],
    [
      "adds to the history",
      "insert into central.operator_action_events (action_id, event, actor, login, detail) values (1, 'done', 'x', 'x', '{}')",
    ],
    ["changes the ledger", "delete from central.processed_messages"],
    ["reads a state", "select session_state from central.agent_sessions"],
    ["reads a seal", "select sealed from central.agent_sessions"],
  ])("never %s of the central store", async (_, statement) => {
    expect(await attempt(members.operator.central, statement)).toBe("refused");
  });

  test.each([
    ["counts what it has not moved", "update operator_action_progress set moved_count = 1000"],
    [
      "counts by the function of the functions",
      `select count_action_part(${forged}, '${patterns}', 'r', 5)`,
    ],
    ["deletes a dead letter", `delete from pgmq."q_${patterns}-dlq"`],
    ["sends a message", `insert into pgmq."q_${patterns}" (vt, message) values (now(), '{}')`],
    ["changes a dead letter", `update pgmq."q_${patterns}-dlq" set message = '{}'`],
    ["reads a state", "select state from agent_sessions"],
    ["reads the message of a session", `select message from pgmq."q_agent-sessions"`],
    ["reads an archived one", `select message from pgmq."a_agent-sessions"`],
    ["reads what data keys are made of", "select data_key_secret from session_keys"],
    ["runs a job under another name", "select run_job_step('assign-tasks-every-2min', 'pg_cron')"],
    ["opens a part of a foreign queue", `select open_action_part(${forged}, 'another', 1, 'r', 1)`],
  ])("never %s at a source", async (_, statement) => {
    expect(await attempt(members.operator.singularity, statement)).toBe("refused");
  });

  test.each([
    `select replay_dead_letters(${forged}, '${patterns}', 'r', array[1], array[true])`,
    `select discard_dead_letters(${forged}, '${patterns}', 'r', array[1])`,
    `select restore_dead_letters(${forged}, '${patterns}', 'r', array[1])`,
    `select requeue_archived_messages(${forged}, '${patterns}', 'r', '-infinity', 'infinity', null, null, 1)`,
  ])("moves nothing without an open part of an action: %s", async (statement) => {
    expect(await attempt(members.operator.singularity, statement)).toMatch(
      /no open part of an action/,
    );
  });

  test("can't say the figures of an action that another login has claimed", async () => {
    const id = await plan();
    await system.central.pool.query(
      "select central.claim_operator_action($1, 'runner-1', interval '1 minute')",
      [id],
    );
    const { rows } = await members.operator.central.pool.query(
      `select * from central.report_operator_action($1, 'runner-1', interval '1 minute')`,
      [id],
    );
    expect(rows).toEqual([]);
    const { rows: released } = await members.operator.central.pool.query(
      "select central.release_operator_action($1, 'runner-1', 'finish') as state",
      [id],
    );
    expect(released).toEqual([{ state: null }]);
    const own = await system.central.pool.query(
      `select state from central.report_operator_action($1, 'runner-1', interval '1 minute')`,
      [id],
    );
    expect(own.rows).toEqual([{ state: "running" }]);
  });
});

test("a viewer peeks at sessions without their seals, and leaves their visibility as it is", async () => {
  const before = await system.singularity.pool.query(
    `select msg_id, vt, read_ct from pgmq."q_agent-sessions" order by msg_id`,
  );
  const { stdout } = await run("viewer", [
    "queues",
    "peek",
    "agent-sessions",
    "--bodies",
    "--json",
  ]);
  const [message] = JSON.parse(stdout);
  expect(message).toMatchObject({ queue: "agent-sessions", body: null, readCount: 0 });
  expect(Object.keys(message.session).sort()).toEqual(
    expect.arrayContaining(["agent_id", "session_id", "synced_at"]),
  );
  expect(stdout).not.toMatch(/session_state|never shown/);
  const after = await system.singularity.pool.query(
    `select msg_id, vt, read_ct from pgmq."q_agent-sessions" order by msg_id`,
  );
  expect(after.rows).toEqual(before.rows);
});
