import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatSessionKey, generateKey } from "@centralcloud/session-keys";
import { afterAll, afterEach, describe, expect, onTestFinished, test } from "vitest";
import { centralcloudProgram, environmentOf, runCommandAlone } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { emptyQueues, patterns, putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { skipsTerminal, startOnTerminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const folder = mkdtempSync(join(tmpdir(), "centralcloud-edit-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => emptyQueues(system));

const because = ["--reason", "a test"];
const digits = "0.12345678901234567890123";
const bad = () =>
  patternMessage({ confidence: 7, pattern: { exact: "DIGITS" } }).replace('"DIGITS"', digits);
const put = () => putDeadLetter(system.singularity, { original: bad() });

/** An editor that puts one text in place of another. */
const editor = (from: string, to: string) => `sed -i 's/${from}/${to}/'`;

const edit = (id: string, words: readonly string[], environment: Record<string, string> = {}) =>
  runCommandAlone(["dlq", "edit", id, ...because, ...words], {
    ...environmentOf(system),
    TMPDIR: folder,
    ...environment,
  });

async function queued(): Promise<readonly string[]> {
  const { rows } = await system.singularity.pool.query<{ message: string }>(
    `select message::text from pgmq."q_${patterns}" order by msg_id`,
  );
  return rows.map(({ message }) => message);
}

const deadLettersLeft = () =>
  queuesOf(system)
    .metrics(`${patterns}-dlq`)
    .then(({ total }) => total);

/** Where the text is that was not sent. */
const keptIn = (stderr: string) => /^The text is kept in (.+)$/m.exec(stderr)?.[1] ?? "";

test("what the editor made of a message is sent once its contract accepts it, and every other digit stays", async () => {
  const id = await put();
  const { exitCode, stdout, stderr } = await edit(id, ["--yes"], {
    EDITOR: editor('"confidence": 7', '"confidence": 0.7'),
  });
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  expect(stdout).toMatch(/^sent the changed message of dead letter \d+ \(action \d+\)\n$/);
  expect(stderr).toContain('-  "confidence": 7');
  expect(stderr).toContain('+  "confidence": 0.7');
  expect(stderr).toContain("The contract accepts the changed message.");
  const [message = ""] = await queued();
  expect(message).toContain('"confidence": 0.7');
  expect(message).toContain(digits);
  expect(await deadLettersLeft()).toBe(0);
  expect(keptIn(stderr)).toBe("");
});

test("VISUAL comes before EDITOR, and may have options of its own", async () => {
  const id = await put();
  const { exitCode } = await edit(id, ["--yes"], {
    VISUAL: 'sed -i -e \'s/"confidence": 7/"confidence": 0.5/\'',
    EDITOR: "false",
  });
  expect(exitCode).toBe(0);
  expect((await queued())[0]).toContain('"confidence": 0.5');
});

test.each([
  ["fails", { EDITOR: "false" }, 1, /the editor \(false\) ended with exit code 1/],
  ["is not there", { EDITOR: "no-such-editor" }, 1, /no-such-editor.* ended with exit code 127/],
  ["changes nothing", { EDITOR: "true" }, 1, /nothing was sent: the text is unchanged/],
  [
    "makes what the contract refuses",
    { EDITOR: editor('"confidence": 7', '"confidence": 8') },
    2,
    /The contract refuses the changed message:\n {2}.*confidence[\s\S]*error: nothing was sent/,
  ],
  ["makes no JSON", { EDITOR: editor("{", "(") }, 2, /is not JSON that can be stored/],
])(
  "an editor that %s changes nothing, and the text is kept for its owner alone",
  async (_, variables, code, says) => {
    const id = await put();
    const { exitCode, stdout, stderr } = await edit(
      id,
      ["--yes"],
      variables as Record<string, string>,
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
    expect(stderr).toMatch(says);
    const path = keptIn(stderr);
    expect(readFileSync(path, "utf8")).toContain(digits);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await deadLettersLeft()).toBe(1);
    expect(await queued()).toEqual([]);
  },
);

test("where nobody can be asked, --yes has to be said, before the editor opens", async () => {
  const id = await put();
  const { exitCode, stderr } = await edit(id, [], { EDITOR: "false" });
  expect(exitCode).toBe(2);
  expect(stderr).toContain("--yes");
  expect(await deadLettersLeft()).toBe(1);
});

test("a dead letter that was replayed before can't be edited any more, and says by which action", async () => {
  const id = await put();
  await edit(id, ["--yes"], { EDITOR: editor('"confidence": 7', '"confidence": 0.7') });
  const { exitCode, stderr } = await edit(id, ["--yes"], { EDITOR: "false" });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/is in the archive already: it was moved there by action \d+/);
});

describe.skipIf(skipsTerminal)("on a terminal", () => {
  const start = (id: string, variables: Record<string, string>) => {
    const words = ["dlq", "edit", id, ...because];
    const environment = { ...environmentOf(system), TMPDIR: folder, ...variables };
    const command = startOnTerminal(words, environment, { columns: 120 });
    onTestFinished(command.kill);
    return command;
  };

  test("the difference is coloured, and only yes sends it", async () => {
    const id = await put();
    const EDITOR = editor('"confidence": 7', '"confidence": 0.7');
    const refused = start(id, { EDITOR });
    await until("it asks", () => refused.output().includes("Send it? [y/N/e to edit]"));
    expect(refused.output()).toContain('\u001b[31m-  "confidence": 7');
    expect(refused.output()).toContain('\u001b[32m+  "confidence": 0.7');
    refused.type("\r");
    const no = await refused.finished;
    expect(no.exitCode).toBe(1);
    expect(no.output).toContain("nothing was sent: you said no");
    expect(await deadLettersLeft()).toBe(1);
    const agreed = start(id, { EDITOR });
    await until("it asks", () => agreed.output().includes("Send it?"));
    agreed.type("y\r");
    expect((await agreed.finished).exitCode).toBe(0);
    expect(await queued()).toHaveLength(1);
  });

  test("what the contract refuses can be edited again, from where it was left", async () => {
    const id = await put();
    // The first time it makes 8 of 7, the second time 0.8 of 8.
    const EDITOR =
      'sed -i -e \'s/"confidence": 8/"confidence": 0.8/\' -e \'s/"confidence": 7/"confidence": 8/\'';
    const command = start(id, { EDITOR });
    await until("it asks", () => command.output().includes("Edit again? [y/N]"));
    command.type("y\r");
    await until("it is accepted", () => command.output().includes("Send it?"));
    command.type("y\r");
    expect((await command.finished).exitCode).toBe(0);
    expect((await queued())[0]).toContain('"confidence": 0.8');
  });

  test("Ctrl-C in the editor is the editor's, not ours", async () => {
    const id = await put();
    const script = join(folder, "editor.sh");
    writeFileSync(
      script,
      `#!/bin/sh\ntrap 'sed -i "s/: 7/: 0.7/" "$1"; exit 0' INT\necho editing\nwhile :; do sleep 0.1; done\n`,
      { mode: 0o755 },
    );
    const command = start(id, { EDITOR: script });
    await until("it is open", () => command.output().includes("editing"));
    command.type("\u0003");
    await until("it asks", () => command.output().includes("Send it?"));
    command.type("y\r");
    expect((await command.finished).exitCode).toBe(0);
    expect(await queued()).toHaveLength(1);
  });
});

/** Runs a command that reads standard input. */
async function feed(words: readonly string[], input: string, environment = environmentOf(system)) {
  const child = spawn(process.execPath, [centralcloudProgram, ...words], {
    env: { PATH: process.env.PATH ?? "", TMPDIR: folder, ...environment },
    cwd: "/",
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end(input);
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, stdout, stderr };
}

describe("from standard input", () => {
  const good = patternMessage({ confidence: 0.5 });

  test.each([["dlq edit"], ["dlq replay"]])("%s takes the changed message", async (words) => {
    const id = await put();
    const option = words === "dlq edit" ? ["--from", "-", "--yes"] : ["--edit", "-"];
    const { exitCode, stderr } = await feed([...words.split(" "), id, ...option, ...because], good);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await queued())[0] ?? "")).toEqual(JSON.parse(good));
  });

  test("dlq edit --from - asks for --yes, since it can't ask there", async () => {
    const { exitCode, stderr } = await feed(["dlq", "edit", "1", "--from", "-", ...because], good);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("--yes");
  });

  test("dlq import takes what dlq export wrote, and leaves no file behind", async () => {
    await put();
    await put();
    const { stdout } = await runCommand(["dlq", "export"], environmentOf(system));
    await runCommand(["dlq", "discard", "--all", ...because], environmentOf(system));
    expect(await deadLettersLeft()).toBe(0);
    const { exitCode, stderr } = await feed(["dlq", "import", "-", ...because], stdout);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(await deadLettersLeft()).toBe(2);
  });

  test("a line of standard input that is no dead letter is named by its number, and nothing is put back", async () => {
    await put();
    const { stdout } = await runCommand(["dlq", "export"], environmentOf(system));
    await emptyQueues(system);
    const { exitCode, stderr } = await feed(["dlq", "import", "-", ...because], `${stdout}{}\n`);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("line 2");
    expect(await deadLettersLeft()).toBe(0);
  });

  test("keys add, ensure and add-to-ring take a key, which need be in no file", async () => {
    const key = formatSessionKey(await generateKey({ alg: "openpgp", keyId: "piped" }));
    const ring = join(folder, "ring.json");
    for (const words of [
      ["keys", "ensure", "--from", "-"],
      ["keys", "add", "--from", "-"],
      ["keys", "add-to-ring", "--from", "-", "--ring", ring],
    ]) {
      const { exitCode, stderr } = await feed(words, key);
      expect({ exitCode, stderr: stderr.replace(/^Restart.*\n/m, "") }).toEqual({
        exitCode: 0,
        stderr: "",
      });
    }
    expect(readFileSync(ring, "utf8")).toContain("piped");
    const empty = await feed(["keys", "add", "--from", "-"], "");
    expect(empty.exitCode).toBe(2);
    expect(empty.stderr).toContain("--from -");
  });
});
