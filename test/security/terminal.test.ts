import { afterAll, beforeAll, expect, test } from "vitest";
import { dropSlots, prepareForCapture } from "../support/capture.ts";
import { environmentOf, runCommandAlone, startCommand } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/*
 * A source fills everything that it may write with what steers terminals; then each command prints what it has to say
 * of that, as a text and as JSON.
 */

const system = useSystem();
failOnLeaks(system);

/** Clears the screen in two ways, begins a new line with a forged row, turns the text around, hides, and rings. */
const hostile = "x\u001b[2J\u009b31m\nforged  0  0\r\u202eevil\u2066\u200b\u061c\u2028\u0007\u007f";
const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const queue = "centralcloud-new-patterns";
let environment: Record<string, string>;

beforeAll(async () => {
  environment = { ...environmentOf(system), CONSUMER_MAX_ATTEMPTS: "1" };
  const { pool } = system.singularity;
  await pool.query("insert into agents (agent_id) values ($1)", [hostile]);
  await pool.query(
    "insert into agent_sessions (agent_id, state) values ($1, jsonb_build_object($1::text, $1::text))",
    [hostile],
  );
  await pool.query("update singularity_source set name = left($1, 200)", [hostile]);
  await pool.query(
    "insert into job_runs (job_name, started_by, started_at, finished_at, status, error) values ('learn-patterns-every-5min', 'operator', now(), now(), 'failed', $1)",
    [hostile],
  );
  const queues = queuesOf(system);
  await queues.send(queue, patternMessage({ agent_id: hostile, source: hostile }));
  await queues.send(queue, JSON.stringify({ [hostile]: hostile }));
  await queues.send(queue, JSON.stringify(hostile));
  await queues.send(
    "agent-sessions",
    JSON.stringify({
      agent_id: hostile,
      session_id: "0b3c6f0e-5b1e-4d43-8a44-0f5e7c7d1a01",
      session_state: { [hostile]: hostile },
      confidence: 0.5,
      synced_at: "2025-10-25T10:00:00Z",
    }),
  );
  await queues.send(
    `${queue}-dlq`,
    JSON.stringify({
      msg_id: 1,
      queue: hostile,
      reason: hostile,
      code: hostile,
      error: { message: hostile, code: hostile },
      message: { [hostile]: hostile },
    }),
  );
  await prepareForCapture(system);
});

afterAll(() => dropSlots(system));

function expectHarmless(what: string, text: string): void {
  const lines = text.split("\n");
  expect(text.trim(), what).not.toBe("");
  expect(
    lines.filter((line) => steering.test(line)),
    what,
  ).toEqual([]);
  // No line is one that the source has begun.
  expect(
    lines.filter((line) => line.startsWith("forged")),
    what,
  ).toEqual([]);
}

async function expectHarmlessOutput(words: readonly string[]): Promise<void> {
  for (const more of [[], ["--json"]]) {
    const { stdout, stderr } = await runCommand([...words, ...more], environment);
    expectHarmless([...words, ...more].join(" "), `${stdout}${stderr}`);
  }
}

test("neither the log of a consumer nor reconcile beside it steers a terminal", async () => {
  const consumer = startCommand(["consume"], {
    ...environment,
    LOG_LEVEL: "trace",
    CDC_ENABLED: "true",
  });
  for (const name of [queue, "agent-sessions"]) {
    await until("its messages are decided", () => queuesOf(system).isEmpty(name));
  }
  await until("changes are captured", () => consumer.output().includes("capture-reading"));
  await expectHarmlessOutput(["reconcile"]);
  consumer.child.kill("SIGTERM");
  const { stdout, stderr } = await consumer.finished;
  expectHarmless("consume", `${stdout}${stderr}`);
});

test.each([
  "queues",
  "jobs",
  "dlq list",
  "dlq groups",
  "dlq show 1",
  "dlq show 1 --reveal --reason HOSTILE",
  "dlq export",
  "dlq replay --all --dry-run --reason HOSTILE",
  "dlq discard --all --dry-run --reason HOSTILE",
  "keys list",
  "cdc status",
  "cdc peek",
  "cdc log",
  "doctor",
  "trace --agent HOSTILE",
  "trace --message 1",
  "queues --source HOSTILE",
  "jobs run HOSTILE",
  "sessions show HOSTILE",
])("%s prints nothing that steers a terminal, not as JSON either", async (line) => {
  const words = line.split(" ").map((word) => (word === "HOSTILE" ? hostile : word));
  await expectHarmlessOutput(words);
});

test("sessions show prints a state that steers nothing, and its JSON means what was written", async () => {
  const { rows } = await system.central.pool.query<{ session_id: string }>(
    "select session_id::text from central.agent_sessions",
  );
  expect(rows.length).toBeGreaterThan(0);
  for (const { session_id } of rows) {
    const text = await runCommand(["sessions", "show", session_id], environment);
    expectHarmless("sessions show", text.stdout);
    const json = await runCommand(["sessions", "show", session_id, "--json"], environment);
    expectHarmless("sessions show --json", json.stdout);
    expect(JSON.parse(json.stdout)).toMatchObject({
      agentId: hostile,
      state: { [hostile]: hostile },
    });
  }
});

test("migrate and drain print nothing that steers a terminal", async () => {
  for (const words of [["migrate"], ["drain", "--timeout", "5"]]) {
    const { stdout, stderr } = await runCommandAlone(words, environment);
    expectHarmless(words.join(" "), `${stdout}${stderr}`);
  }
});
