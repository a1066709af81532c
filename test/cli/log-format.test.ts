import { describe, expect, onTestFinished, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { skipsTerminal, startOnTerminal, withoutColours } from "../support/terminal.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);

/** What a service writes to a pipe until it is up. */
async function logOf(
  variables: Readonly<Record<string, string>>,
  words = ["consume"],
  isUp = /part-started/,
) {
  const command = startCommand(words, { ...environmentOf(system), ...variables });
  onTestFinished(() => void command.child.kill("SIGKILL"));
  await until("it is up", () => isUp.test(command.output()));
  command.child.kill("SIGTERM");
  const { exitCode, stdout } = await command.finished;
  expect(exitCode).toBe(0);
  return stdout.split("\n").filter(Boolean);
}

/** What it writes to a terminal. */
async function terminalLogOf(variables: Readonly<Record<string, string>>, words = ["consume"]) {
  const command = startOnTerminal(words, { ...environmentOf(system), ...variables });
  onTestFinished(command.kill);
  await until("it is up", () => /part-started/.test(command.output()));
  command.type("\u0003");
  const { exitCode, output } = await command.finished;
  expect(exitCode).toBe(0);
  return output.split("\r\n").filter(Boolean);
}

const isJson = (line: string) => {
  const { level, time, msg } = JSON.parse(line) as Record<string, unknown>;
  return typeof level === "number" && typeof time === "number" && typeof msg === "string";
};

const readable = /^\[\d\d:\d\d:\d\d\.\d{3}Z\] (DEBUG|INFO|WARN|ERROR): [a-z-]+( \{.*\})?$/;

test.each([["consume"], ["scheduler"]])(
  "%s writes JSON where its log is no terminal",
  async (word) => {
    const lines = await logOf({}, [word]);
    expect(lines.filter((line) => !isJson(line))).toEqual([]);
  },
);

test("LOG_FORMAT=text writes lines for people, without colours, also into a pipe", async () => {
  const lines = await logOf({ LOG_FORMAT: "text" });
  for (const line of lines) expect(line).toMatch(readable);
});

test("what a log is told of others steers no terminal", async () => {
  const name = "evil\u001b[31mred\u202etxt";
  const { pool } = system.singularity;
  const before = await pool.query("select name from singularity_source");
  await pool.query("update singularity_source set name = $1", [name]);
  onTestFinished(async () => {
    await pool.query("update singularity_source set name = $1", [before.rows[0].name]);
  });
  const lines = await logOf({ LOG_FORMAT: "text" }, ["scheduler"], /scheduler-leading/);
  const text = lines.join("\n");
  expect(text).toContain("evil");
  expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
});

test("another format is wrong usage, named with its choices", async () => {
  const { exitCode, stderr } = await startCommand(["consume"], {
    ...environmentOf(system),
    LOG_FORMAT: "xml",
  }).finished;
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: "LOG_FORMAT: must be auto, json or text\n",
  });
});

describe.skipIf(skipsTerminal)("on a terminal", () => {
  test.each([["consume"], ["scheduler"]])(
    "%s writes lines for people, coloured by level",
    async (word) => {
      const lines = await terminalLogOf({}, [word]);
      expect(lines.join("\n")).toContain("\u001b[32mINFO");
      for (const line of lines) expect(withoutColours(line).replace(/^\^C/, "")).toMatch(readable);
    },
  );

  test("NO_COLOR takes the colours away, LOG_FORMAT=json the form", async () => {
    expect((await terminalLogOf({ NO_COLOR: "1" })).join("\n")).not.toContain("\u001b[");
    const lines = await terminalLogOf({ LOG_FORMAT: "json" });
    expect(lines.map((line) => line.replace(/^\^C/, "")).every(isJson)).toBe(true);
  });
});
