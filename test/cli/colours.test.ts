import { describe, expect, onTestFinished, test } from "vitest";
import { environmentOf, runCommandAlone } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { emptyQueues, putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { runOnTerminal, skipsTerminal, withoutColours } from "../support/terminal.ts";

const system = useSystem();
failOnLeaks(system);

const escapeKey = "\u001b";
const red = new RegExp(`${escapeKey}\\[31m([^${escapeKey}]*)${escapeKey}\\[0m`, "g");
/** What our own colours are written with. */
const ours = new RegExp(`${escapeKey}\\[(0|1|2|31|32|33)m`, "g");

async function withDeadLetter() {
  await putDeadLetter(system.singularity);
  onTestFinished(() => emptyQueues(system));
}

describe.skipIf(skipsTerminal)("on a terminal", () => {
  test("what is wrong is red, and the rest is not", async () => {
    await withDeadLetter();
    const { exitCode, output } = await runOnTerminal(["queues"], environmentOf(system), {
      columns: 140,
    });
    expect(exitCode).toBe(0);
    const coloured = [...output.matchAll(red)];
    expect(coloured.map(([, text]) => text)).toEqual(["1"]);
    const failed = await runOnTerminal(["queues"], {});
    expect(failed.exitCode).toBe(2);
    const unknown = await runOnTerminal(["queue"], {});
    expect(unknown.output).toContain(`${escapeKey}[31merror:${escapeKey}[0m unknown command`);
  });

  test.each([
    ["NO_COLOR is set", { NO_COLOR: "1" }],
    ["the terminal is dumb", { TERM: "dumb" }],
    ["FORCE_COLOR is 0", { FORCE_COLOR: "0" }],
  ])("nothing is coloured where %s", async (_, variables) => {
    await withDeadLetter();
    const environment = { ...environmentOf(system), ...variables };
    const { output } = await runOnTerminal(["queues"], environment, { columns: 140 });
    expect(output).toContain("centralcloud-new-patterns");
    expect(output).not.toContain(`${escapeKey}[`);
  });

  test("a table fits the terminal, and has all that it has elsewhere", async () => {
    const environment = environmentOf(system);
    const { output } = await runOnTerminal(["jobs"], environment, { columns: 60 });
    const lines = withoutColours(output).split("\r\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
    const wide = await runCommand(["jobs"], environment);
    const words = (text: string) => text.replaceAll(/\s+/g, "");
    for (const job of ["learn-patterns-every-5min", "assign-tasks-every-2min"]) {
      expect(wide.stdout).toContain(job);
      expect(words(lines.join(""))).toContain(job);
    }
  });
});

test("what goes into a pipe is not coloured, unless that is asked for", async () => {
  await withDeadLetter();
  const plain = await runCommandAlone(["queues"], environmentOf(system));
  expect(plain.stdout).not.toContain(escapeKey);
  const forced = await runCommandAlone(["queues"], { ...environmentOf(system), FORCE_COLOR: "1" });
  expect(forced.stdout).toContain(`${escapeKey}[31m1${escapeKey}[0m`);
  expect(withoutColours(forced.stdout)).toBe(plain.stdout);
});

test("JSON is never coloured", async () => {
  await withDeadLetter();
  for (const words of [["queues"], ["doctor"], ["dlq", "list"], ["actions", "list"]]) {
    const environment = { ...environmentOf(system), FORCE_COLOR: "1" };
    const { stdout } = await runCommand([...words, "--json"], environment);
    expect(() => JSON.parse(stdout)).not.toThrow();
    expect(stdout).not.toContain(escapeKey);
  }
});

test("a name that steers terminals colours nothing, breaks no table, and shows what it holds", async () => {
  const name = "evil\u001b[32mgreen\u001b]0;title\u0007\u202etxt\u0001bad\u0002";
  const { pool } = system.singularity;
  const before = await pool.query("select name from singularity_source");
  await pool.query("update singularity_source set name = $1", [name]);
  onTestFinished(async () => {
    await pool.query("update singularity_source set name = $1", [before.rows[0].name]);
  });
  await withDeadLetter();
  for (const words of [["queues"], ["jobs"], ["dlq", "list"], ["doctor"], ["sources", "list"]]) {
    const environment = { ...environmentOf(system), FORCE_COLOR: "1" };
    const { stdout, stderr } = await runCommand(words, environment);
    // Ours are those, and no other.
    const rest = `${stdout}${stderr}`.replaceAll(ours, "");
    expect(rest).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    if (words[0] !== "doctor") expect(rest).toContain(String.raw`evil\u001b[32mgreen`);
  }
});

test("what an error quotes of the command's words steers nothing either", async () => {
  const file = "evil\u001b[32mgreen\u202e";
  const words = ["keys", "add", "--from", file];
  const { exitCode, stderr } = await runCommand(words, environmentOf(system));
  expect(exitCode).toBe(2);
  expect(stderr).toContain(String.raw`evil\u001b[32mgreen\u202e`);
  expect(stderr).not.toContain(escapeKey);
});
