import { afterEach, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { why } from "../support/dead-letter-commands.ts";
import { emptyQueues, putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));
const run = (...words: readonly string[]) => runCommand(words, environmentOf(system));
const tables = "learned_patterns, agent_sessions, agents, pending_tasks";
const reasons = "invalid, unreadable, too-large, rejected, failed, delivery-limit";

describe("a value that a filter can't match", () => {
  test.each([
    ["a reason of a list", ["dlq", "list", "--reason", "invalied"], reasons],
    ["of groups", ["dlq", "list", "--groups", "--dead-letter-reason", "Invalid"], reasons],
    ["of an export", ["dlq", "export", "--dead-letter-reason", "rejectd"], reasons],
    ["of a replay", ["dlq", "replay", "--dead-letter-reason", "fail", ...why], reasons],
    ["of a preview", ["dlq", "discard", "--dead-letter-reason", "toolarge", "--dry-run"], reasons],
    ["a queue", ["dlq", "list", "--queue", "agent-session"], "agent-sessions"],
    ["a table of the log", ["cdc", "log", "--table", "agent_session"], tables],
    ["a second table", ["cdc", "log", "--table", "agents", "--table", "agnets"], tables],
    ["of a peek", ["cdc", "peek", "--table", "agents_"], tables],
    ["of a tail", ["cdc", "tail", "--table", "patterns"], tables],
    ["a source of the log", ["cdc", "log", "--source", "another"], "must be one of"],
    ["of dead letters", ["dlq", "export", "--source", "another"], "there are: singularity_"],
  ])("%s is wrong usage, which says what there is", async (_, words, there) => {
    const { exitCode, stdout, stderr } = await run(...words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(there);
  });

  test.each([
    ["dlq", "list", "--since", "1h", "--until", "2h"],
    ["dlq", "list", "--since", "2026-02-01", "--until", "2026-01-01"],
    ["dlq", "export", "--since", "2h", "--until", "2026-01-01"],
    ["dlq", "replay-archive", "--from", "1h", "--to", "2h", "--dry-run"],
    ["cdc", "log", "--from", "1h", "--to", "2h"],
  ])("a time that ends before it begins is wrong usage: %s %s %s %s %s %s", async (...words) => {
    const { exitCode, stdout, stderr } = await run(...words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(/nothing is (both|committed)/);
  });
});

test("a reason of another client's dead letter can be asked for while there is one", async () => {
  await putDeadLetter(system.singularity, { reason: "poisoned" });
  const { exitCode, stdout } = await run("dlq", "list", "--reason", "poisoned", "--json");
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout).deadLetters).toHaveLength(1);
});

describe("times and durations", () => {
  test.each([
    ["dlq", "list", "--since"],
    ["dlq", "export", "--until"],
    ["dlq", "replay-archive", "--dry-run", "--from"],
    ["cdc", "log", "--from"],
    ["cdc", "log", "--to"],
  ])("have the same forms in %s %s %s %s", async (...words) => {
    const forms = ["2h", "1d12h", "2026-01-31", "2026-01-31T12:00", "2026-01-31T12:00:00.123456Z"];
    for (const form of [...forms, "2026-01-31 12:00:00+02:00"]) {
      const [option = "", ...rest] = words.filter((word) => word !== "").reverse();
      const { exitCode, stderr } = await run(...rest.reverse(), option, form);
      expect({ form, exitCode, stderr }).toEqual({ form, exitCode: 0, stderr: "" });
    }
    const bad = await run(...words.filter((word) => word !== ""), "yesterday");
    expect(bad.exitCode).toBe(2);
    expect(bad.stderr).toMatch(/neither a time .* nor a duration/);
  });

  test("a time of reconcile is read as elsewhere", async () => {
    const { stderr } = await run("reconcile", "--since", "2h");
    expect(stderr).toContain("nothing is captured of this source");
    expect((await run("reconcile", "--since", "yesterday")).exitCode).toBe(2);
  });

  test.each(["90s", "2m", "1.5", "90"])("a timeout may be %s", async (form) => {
    expect((await run("queues", "--timeout", form)).exitCode).toBe(0);
    expect((await run("drain", "--timeout", form)).exitCode).toBe(0);
  });

  test.each(["0", "0s", "soon", "-1", "2 h"])("and not %s", async (form) => {
    for (const command of ["queues", "drain"]) {
      const { exitCode, stderr } = await run(command, "--timeout", form);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/duration above 0, like 90s or 5m|argument missing/);
    }
  });
});
