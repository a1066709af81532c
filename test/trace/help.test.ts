import { QueueClient } from "@centralcloud/queue";
import { expect, test } from "vitest";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { patterns } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { addNewKey } from "../support/session-keys.ts";
import { traces } from "../support/trace.ts";

/* Whoever reads `trace --help` finds three questions, each with the one command that answers it. */

const system = useSystem();
failOnLeaks(system);
const { run } = traces(system);

test("the examples of the help answer their questions as they stand, with one's own names in them", async () => {
  const { stdout: help } = await runCommand(["trace", "--help"], {});
  const examples = [...help.matchAll(/^(.*\?)\n {2}centralcloud trace (.*)$/gm)];
  expect(examples.map(([, question]) => question)).toHaveLength(3);

  const key = await addNewKey(system.singularity, "key-1", { activate: true });
  const { rows } = await system.singularity.pool.query<{ id: string }>(
    `insert into agent_sessions (agent_id, state) values ('agent-7', '{}') returning id`,
  );
  const bad = await new QueueClient(system.singularity.pool).send(
    patterns,
    patternMessage({ confidence: 7 }),
  );
  await drainAll(system, { sessionKeys: [key] });
  const now = new Date();
  const today = `${now.getHours()}:${`${now.getMinutes()}`.padStart(2, "0")}`;
  const own: Readonly<Record<string, string>> = {
    "14:02": today,
    "08:00": "1h",
    "4711": `${bad}`,
    "eu-1": system.singularity.name,
    "0b3c6f0e-5b1e-4d43-8a44-0f5e7c7d1a01": rows[0]?.id ?? "",
  };
  const answers: string[] = [];
  for (const [, , words = ""] of examples) {
    const { exitCode, stdout, stderr } = await run(
      words.split(" ").map((word) => own[word] ?? word),
    );
    expect(exitCode, stderr).toBe(0);
    answers.push(stdout);
  }
  const [agent, message, session] = answers;
  expect(agent).toMatch(
    / queue +sent as message 1 to agent-sessions, session .*, sealed for key key-1/,
  );
  expect(agent).toMatch(/ ledger +merged, message 1$/m);
  expect(message).toMatch(
    / dead-letter +dead-lettered as 1: invalid \(out_of_range: confidence must be/,
  );
  expect(session).toMatch(/ store +the store has session /);
});

test("it says what it takes, where something is missing or too much", async () => {
  for (const [words, says] of [
    [[], /one of --agent, --session and --message/],
    [["--agent", "a", "--message", "1"], /one of --agent, --session and --message/],
    [["--message", "soon"], /neither the id of a message .* nor a ULID/],
    [["--agent", "a", "--at", "25:00"], /no time like 14:02/],
    [["--agent", "a", "--at", "14:02", "--from", "1h"], /give --at, or --from and --to/],
    [["--agent", "a", "--from", "1h", "--to", "2h"], /is after --to/],
  ] as const) {
    const { exitCode, stdout, stderr } = await run(words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(says);
  }
});
