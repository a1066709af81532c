import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listActions, planAction } from "@centralcloud/central";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { why } from "../support/dead-letter-commands.ts";
import {
  emptyQueues,
  patterns,
  putDeadLetter,
  putDeadLetters,
  sourceOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* Edits and imports whose process is killed: their file is kept nowhere, so whoever continues them gives it again. */

const system = useSystem();
failOnLeaks(system);
const folder = mkdtempSync(join(tmpdir(), "centralcloud-resume-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => emptyQueues(system));

const run = (...words: string[]) => runCommand(words, environmentOf(system));
const resume = (id: string, ...words: string[]) => run("actions", "resume", id, ...words);
const newest = async () => {
  const [action] = await listActions(system.central.pool, { limit: 1 });
  if (action === undefined) throw new Error("there is no action");
  return action;
};
const endLeases = () =>
  system.central.pool.query(
    "update central.operator_actions set lease_until = clock_timestamp() - interval '1 s'",
  );
const count = async (table: string) => {
  const { rows } = await system.singularity.pool.query<{ count: number }>(
    `select count(*)::integer as count from pgmq."${table}"`,
  );
  return rows[0]?.count ?? 0;
};
const deadLetters = () => count(`q_${patterns}-dlq`);
const sent = () => count(`q_${patterns}`);

/** Exports all dead letters to a file and discards them. */
async function exportAll(name: string): Promise<string> {
  const file = join(folder, name);
  expect(await run("dlq", "export", "--out", file)).toMatchObject({ exitCode: 0 });
  expect(await run("dlq", "discard", "--all", ...why)).toMatchObject({ exitCode: 0 });
  return file;
}

describe("an import whose process is killed", () => {
  /** @returns its action, and how many it had put back. */
  async function killImport(file: string) {
    const { child, finished } = startCommand(
      ["dlq", "import", file, "--rate", "20", ...why],
      environmentOf(system),
    );
    await until("some are back", async () => (await deadLetters()) > 0);
    child.kill("SIGKILL");
    await finished;
    await endLeases();
    return { id: (await newest()).id, before: await deadLetters() };
  }

  test("continues behind its last line under the same action: what was put back and has left its queue since stays away", async () => {
    await putDeadLetters(system.singularity, 60);
    const file = await exportAll("all.jsonl");
    const { id, before } = await killImport(file);
    expect(before).toBeLessThan(60);
    // Somebody replays meanwhile what is back already.
    expect(await run("dlq", "replay", "--all", ...why)).toMatchObject({ exitCode: 0 });
    expect(await resume(id, "--from", file)).toMatchObject({
      exitCode: 0,
      stdout: `action ${id} is done: 60 moved, 0 remain\n`,
    });
    expect({ deadLetters: await deadLetters(), sent: await sent() }).toEqual({
      deadLetters: 60 - before,
      sent: before,
    });
  });

  test("is not continued with another file, nor without one, and waits", async () => {
    await putDeadLetters(system.singularity, 40);
    const file = await exportAll("first.jsonl");
    const { id, before } = await killImport(file);
    const other = join(folder, "other.jsonl");
    writeFileSync(other, "\n");
    for (const [words, says] of [
      [["--from", other], /the file is not the one that action \d+ was begun with/],
      [[], /--from FILE` continues it with the file that it was begun with/],
    ] as const) {
      const { exitCode, stderr } = await resume(id, ...words);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 2 });
      expect(stderr).toMatch(says);
    }
    const all = await run("actions", "resume");
    expect(all.stdout).toContain(`centralcloud actions resume ${id} --from FILE`);
    expect((await run("actions", "show", id)).stdout).toContain(
      `centralcloud actions resume ${id} --from FILE`,
    );
    expect(await deadLetters()).toBe(before);
    expect(await resume(id, "--from", file)).toMatchObject({ exitCode: 0 });
    expect(await deadLetters()).toBe(40);
  });

  test("is done once under an idempotency key, however often the command is given", async () => {
    await putDeadLetters(system.singularity, 5);
    const file = await exportAll("keyed.jsonl");
    const command = ["dlq", "import", file, "--idempotency-key", "import-1", ...why, "--json"];
    const first = JSON.parse((await run(...command)).stdout);
    expect(first).toMatchObject({ imported: 5, state: "done" });
    expect(await run("dlq", "discard", "--all", ...why)).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await run(...command)).stdout)).toEqual(first);
    expect(await deadLetters()).toBe(0);
  });

  test("pauses on Ctrl-C, and says how to continue it", async () => {
    await putDeadLetters(system.singularity, 40);
    const file = await exportAll("interrupted.jsonl");
    const command = startCommand(
      ["dlq", "import", file, "--rate", "20", ...why],
      environmentOf(system),
    );
    await until("some are back", async () => (await deadLetters()) > 0);
    command.child.kill("SIGINT");
    const { exitCode, stderr } = await command.finished;
    const { id, state } = await newest();
    expect({ exitCode, state }).toEqual({ exitCode: 1, state: "paused" });
    expect(stderr).toContain(`centralcloud actions resume ${id} --from ${file}`);
    expect(await resume(id, "--from", file)).toMatchObject({ exitCode: 0 });
    expect(await deadLetters()).toBe(40);
  });
});

describe("an edit whose process was killed before it sent anything", () => {
  const bad = () => patternMessage({ confidence: 7 });

  /** What the process leaves behind: it had planned the action, and claimed it. */
  async function plannedEdit(deadLetterId: string): Promise<string> {
    const { sourceId, name: sourceName } = await sourceOf(system.singularity);
    const selection = { ids: [deadLetterId], pathIsPredicate: false };
    const { id } = await planAction(system.central.pool, {
      action: "edit",
      request: { actor: "test", reason: "a test", channel: "cli" },
      selection: { ids: [deadLetterId], edited: true },
      parts: [{ sourceId, sourceName, queue: patterns, selection, expected: 1 }],
    });
    await system.central.pool.query(
      "select from central.claim_operator_action($1, 'dead/1', interval '10 s')",
      [id],
    );
    await endLeases();
    return id;
  }

  test("sends the changed message once it is given again, and once only", async () => {
    const deadLetterId = await putDeadLetter(system.singularity, { original: bad() });
    const id = await plannedEdit(deadLetterId);
    const file = join(folder, "changed.json");
    writeFileSync(file, patternMessage({ confidence: 0.7 }));
    expect(await resume(id)).toMatchObject({ exitCode: 2 });
    expect(await resume(id, "--from", file)).toMatchObject({
      exitCode: 0,
      stdout: `action ${id} is done: 1 moved, 0 remain\n`,
    });
    expect(await sent()).toBe(1);
    expect(await resume(id, "--from", file)).toMatchObject({ exitCode: 1 });
    expect({ sent: await sent(), deadLetters: await deadLetters() }).toEqual({
      sent: 1,
      deadLetters: 0,
    });
  });

  test("sends nothing that the contract refuses, and waits", async () => {
    const deadLetterId = await putDeadLetter(system.singularity, { original: bad() });
    const id = await plannedEdit(deadLetterId);
    const file = join(folder, "still-bad.json");
    writeFileSync(file, bad());
    const { exitCode, stderr } = await resume(id, "--from", file);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 2 });
    expect(stderr).toMatch(/the edited message: /);
    expect({ sent: await sent(), deadLetters: await deadLetters() }).toEqual({
      sent: 0,
      deadLetters: 1,
    });
  });

  test("is closed without its file where it had sent the message, which is not sent again", async () => {
    const deadLetterId = await putDeadLetter(system.singularity, { original: bad() });
    const file = join(folder, "sent.json");
    writeFileSync(file, patternMessage({ confidence: 0.7 }));
    const done = await run("dlq", "edit", deadLetterId, "--from", file, "--yes", ...why);
    expect(done).toMatchObject({ exitCode: 0 });
    const { id } = await newest();
    // As if the process had been killed between sending and saying so.
    await system.central.pool.query(
      "update central.operator_actions set state = 'running', finished_at = null, runner = 'dead/1', lease_until = now() - interval '1 s' where id = $1",
      [id],
    );
    expect(await resume(id)).toMatchObject({
      exitCode: 0,
      stdout: `action ${id} is done: 1 moved, 0 remain\n`,
    });
    expect(await sent()).toBe(1);
  });
});
