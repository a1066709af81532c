import { QueueClient } from "@centralcloud/queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { drainAll } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { patterns, putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { brief, traces } from "../support/trace.ts";

/* Several sources, some of them away, renamed, moved, or with names that mean no good. */

const system = useSystem();
failOnLeaks(system);
const { trace, run } = traces(system);
const gone = "postgres://user:hunter2@127.0.0.1:1/gone";
let other: TestDatabase;

beforeAll(async () => {
  other = await createTestDatabase("source");
  for (const { pool } of [system.singularity, other]) {
    await new QueueClient(pool).send(patterns, patternMessage({ agent_id: "agent-7" }));
  }
  await drainAll(system, { sourceUrls: [system.singularity.url, other.url] });
});
afterAll(() => dropTestDatabase(other));

const both = () => ({ SOURCE_DATABASE_URLS: `${system.singularity.url} ${other.url}` });
const sourcesIn = (stdout: string) =>
  [
    ...new Set((JSON.parse(stdout).events as { source: string }[]).map(({ source }) => source)),
  ].sort();

describe("a message's id that two sources have given", () => {
  test("is two messages, each with its source, and --source chooses", async () => {
    const json = await run(["--message", "1", "--json"], both());
    expect(json).toMatchObject({ exitCode: 0, stderr: "" });
    expect(sourcesIn(json.stdout)).toEqual([system.singularity.name, other.name].sort());
    const text = await run(["--message", "1"], both());
    expect(text.stdout).toContain("it is known at 2 sources; --source chooses: ");
    const one = await run(["--message", "1", "--source", other.name, "--json"], both());
    expect(sourcesIn(one.stdout)).toEqual([other.name]);
    const agent = await run(["--agent", "agent-7", "--source", other.name, "--json"], both());
    expect(sourcesIn(agent.stdout)).toEqual([other.name]);
  });

  test("refuses a source that does not exist", async () => {
    const unknown = await run(["--message", "1", "--source", "another"], both());
    expect(unknown).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unknown.stderr).toContain("there is no source another");
  });
});

describe("what can't be asked", () => {
  test("is a named part of the answer, and exit code 3; the rest is told", async () => {
    const environment = { SOURCE_DATABASE_URLS: `${gone} ${system.singularity.url}` };
    const json = await run(["--message", "1", "--json"], environment);
    expect(json.exitCode).toBe(3);
    const told = JSON.parse(json.stdout);
    expect(brief(told)).toContainEqual("ledger: merged");
    expect(told.unreachable).toEqual([
      { source: "127.0.0.1:1/gone", reason: expect.stringContaining("ECONNREFUSED") },
    ]);
    expect(told.unknown).toContainEqual(
      expect.objectContaining({
        why: expect.stringMatching(/^127\.0\.0\.1:1\/gone could not be asked: /),
      }),
    );
    expect(json.stdout + json.stderr).not.toContain("hunter2");
    const text = await run(["--message", "1"], environment);
    expect(text.stdout).toMatch(/not known .*127\.0\.0\.1:1\/gone could not be asked/);
    expect(text.stderr).toContain("127.0.0.1:1/gone can't be reached");
  });

  test("may be the central store: then its sources still say what they have", async () => {
    const { exitCode, stdout, stderr } = await run(["--message", "1", "--json"], {
      CENTRAL_DATABASE_URL: gone,
    });
    expect(exitCode).toBe(3);
    expect(stderr).toContain("127.0.0.1:1/gone can't be reached");
    expect(brief(JSON.parse(stdout))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^queue: sent/), "archive: archived"]),
    );
  });

  test("shows no contents where the store that records it is away", async () => {
    const { exitCode, stdout } = await run(["--message", "1", "--reveal", "--reason", "now"], {
      CENTRAL_DATABASE_URL: gone,
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
  });
});

describe("forty sources, three of them dead and one slow", () => {
  test("answer within three seconds, and the four are named", async () => {
    const dead = [1, 2, 3].map((port) => `postgres://user@127.0.0.1:${port}/dead`);
    const slow = await createTestDatabase("source");
    const client = await slow.pool.connect();
    await client.query("begin; lock table public.singularity_source");
    const urls = Array.from(
      { length: 36 },
      (_, index) => `${system.singularity.url}?application_name=${index}`,
    );
    const startedAt = performance.now();
    const { exitCode, stdout } = await runCommand(["trace", "--message", "1", "--json"], {
      ...environmentOf(system),
      SOURCE_DATABASE_URLS: [...dead, slow.url, ...urls].join(" "),
    });
    const tookMs = performance.now() - startedAt;
    await client.query("rollback");
    client.release();
    await dropTestDatabase(slow);
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout).unreachable).toHaveLength(4);
    // The machine of a test may be busy; what is wanted is that nothing is waited for beyond the limit.
    expect(tookMs).toBeLessThan(6_000);
  });
});

describe("a source that is renamed and adopted again", () => {
  test("is the same one, under its name of today, and who adopted it is told", async () => {
    await other.pool.query("update singularity_source set name = 'renamed'");
    const environment = { ...environmentOf(system), ...both() };
    const adopted = await runCommand(
      ["sources", "adopt", "--source", "renamed", "--reason", "it has moved"],
      environment,
    );
    expect(adopted.exitCode, adopted.stderr).toBe(0);
    const { exitCode, stdout } = await run(
      ["--agent", "agent-7", "--source", "renamed", "--json"],
      both(),
    );
    expect(exitCode).toBe(0);
    const told = JSON.parse(stdout);
    expect(sourcesIn(stdout)).toEqual(["renamed"]);
    expect(brief(told)).toContainEqual("ledger: merged");
    expect(brief(told)).toContainEqual(
      expect.stringMatching(/^action: adopt-source planned by .*: it has moved$/),
    );
  });
});

describe("names that mean no good", () => {
  const hostile =
    "x\u001b[2J\u009b31m\nforged  0  0\r\u202eevil\u2066\u200b\u061c\u2028\u0007\u007f";
  const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

  test("steer no terminal and forge no line, and are found as they are", async () => {
    const { pool } = system.singularity;
    await new QueueClient(pool).send(
      patterns,
      patternMessage({ agent_id: hostile, source: hostile }),
    );
    await putDeadLetter(system.singularity, {
      original: patternMessage({ agent_id: hostile }),
      originalHeaders: JSON.stringify({
        attempts: [
          { at: hostile },
          1,
          { at: "2026-01-01T00:00:00Z", consumer: hostile, error: hostile },
        ],
      }),
      reason: hostile,
      code: hostile,
      error: hostile,
    });
    await pool.query("update singularity_source set name = left($1, 200)", [hostile]);
    const text = await run(["--agent", hostile]);
    expect(text.exitCode, text.stderr).toBe(0);
    expect(text.stdout).toContain("dead-lettered as 1: x");
    expect(text.stdout.replaceAll("\n", "")).not.toMatch(steering);
    expect(text.stdout).not.toMatch(/^forged/m);
    const json = await run(["--agent", hostile, "--json"]);
    expect(json.stdout.trimEnd()).not.toMatch(steering);
    const told = JSON.parse(json.stdout);
    expect(told.events.length).toBeGreaterThanOrEqual(3);
    expect(
      told.events.every((event: { agentId?: string }) =>
        [undefined, hostile].includes(event.agentId),
      ),
    ).toBe(true);
    await pool.query("update singularity_source set name = $1", [system.singularity.name]);
  });

  test("dead letters of other clients, of any shape, end no trace", async () => {
    for (const body of [
      null,
      "null",
      "[]",
      '"text"',
      '{"original_message_id":{"a":1},"attempts":"x"}',
    ]) {
      await system.singularity.pool.query(
        `insert into pgmq."q_${patterns}-dlq" (vt, message, headers) values (now(), $1, '{"attempts":3}')`,
        [body],
      );
      await system.singularity.pool.query(
        `insert into pgmq."q_${patterns}" (vt, message, headers) values (now(), $1, '{"attempts":{"a":1},"replay_of":"x"}')`,
        [body],
      );
    }
    expect((await trace("--agent", "nobody")).events).toEqual([]);
    expect((await trace("--message", "1")).events).not.toEqual([]);
  });
});

describe("a message that was encoded twice", () => {
  test("is found by what it says, and one that only mentions the agent is not", async () => {
    const queue = new QueueClient(system.singularity.pool);
    await queue.send(patterns, JSON.stringify(patternMessage({ agent_id: "twice" })));
    await queue.send(patterns, JSON.stringify(patternMessage({ agent_id: "x", source: "twice" })));
    await queue.send(
      "agent-sessions",
      JSON.stringify(JSON.stringify({ agent_id: "twice", session_id: "s" })),
    );
    await queue.send("agent-sessions", JSON.stringify("no JSON, but twice"));
    for (const half of [{ session_id: "twice" }, { agent_id: "s" }]) {
      await queue.send("agent-sessions", JSON.stringify(JSON.stringify(half)));
    }
    const { events } = await trace("--agent", "twice");
    const sent = events
      .filter(({ what }) => what.startsWith("sent"))
      .map(({ queue: name }) => name);
    expect(sent).toEqual([patterns, "agent-sessions"]);
    const session = await trace("--session", "s");
    expect(session.events.filter(({ what }) => what.startsWith("sent"))).toHaveLength(1);
  });
});
