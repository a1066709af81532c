import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "@centralcloud/cli";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import { emptyQueues, patterns, putDeadLetter, putOddDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";

const system = useSystem();
const members = useMembers(system, {
  operator: "centralcloud_operator",
  owner: "centralcloud_owner",
  consumer: "centralcloud_consumer",
  nobody: undefined,
});
failOnLeaks(system);
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dead-letters-"));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => emptyQueues(system));

const { dlq, actions } = deadLetterCommands(system);

describe("list", () => {
  test("shows dead letters a page at a time, by filter, and in groups", async () => {
    for (let count = 0; count < 3; count++) await putDeadLetter(system.singularity);
    await putDeadLetter(system.singularity, { queue: "agent-sessions", reason: "unreadable" });
    const first = await dlq("list", "--limit", "2", "--json");
    expect(first.stderr).toBe("");
    const page = JSON.parse(first.stdout);
    expect(page.deadLetters).toMatchObject([{ reason: "unreadable" }, { queue: patterns }]);
    const rest = await dlq("list", "--json", "--after", page.next);
    expect(JSON.parse(rest.stdout)).toMatchObject({ deadLetters: [{}, {}], next: null });
    for (const option of ["--reason", "--dead-letter-reason"]) {
      const filtered = await dlq("list", option, "unreadable", "--reason", "failed", "--json");
      expect(JSON.parse(filtered.stdout).deadLetters).toHaveLength(1);
    }
    const table = await dlq(
      "list",
      "--queue",
      "agent-sessions-dlq",
      "--queue",
      patterns,
      "--limit",
      "1",
    );
    expect(table.stdout).toMatch(/^source +queue +id +died/);
    expect(table.stdout).toMatch(/more: --after \S+\n$/);
    const groups = await dlq("list", "--groups");
    expect(groups.stdout).toContain("3 × invalid: confidence must be between 0 and 1");
  });

  test("refuses options that can't be meant, with exit code 2 and what is wrong", async () => {
    const wrong: [string[], RegExp][] = [
      [["list", "--queue", "another"], /must be one of centralcloud-new-patterns/],
      [["list", "--since", "yesterday"], /neither a time .* nor a duration/],
      [["list", "--until", "2026-02-30"], /neither a time .* nor a duration/],
      [["list", "--path", "$["], /is not a jsonpath/],
      [["list", "--after", "x"], /cursor/],
      [["list", "--limit", "0"], /whole number from 1/],
      [["list", "--source", "another"], /no source another; there are: singularity_/],
      [["show", "x"], /"x" is not an id: a whole number/],
      [["replay", "1"], /--reason/],
      [["replay", "1", "--reason", " "], /--reason/],
      [["replay", ...why], /--all/],
      [["replay", "--all", "1", ...why], /not both/],
      [["replay", "1", "--code", "x", ...why], /ids or filters/],
      [["replay", "1", "--rate", "0", ...why], /above 0/],
      [["discard", "--all"], /--reason/],
      [["discard", ...why], /--all/],
      [["import", "/nowhere/x", ...why], /can't be read \(ENOENT\)/],
      [["import", "/nowhere/x"], /--reason/],
      [["replay-archive", ...why], /--from, --to, or --all/],
      [["replay-archive", "--all"], /--reason/],
    ];
    // In this process, because starting so many takes longer than what they do.
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const error = vi.spyOn(console, "error").mockReturnValue();
    onTestFinished(() => void vi.restoreAllMocks());
    for (const [words, problem] of wrong) {
      const exitCode = await runCommandLine(["dlq", ...words], environmentOf(system));
      const told = [...stderr.mock.calls, ...error.mock.calls].join("\n");
      expect({ words, exitCode, told }).toEqual({
        words,
        exitCode: 2,
        told: expect.stringMatching(problem),
      });
      stderr.mockClear();
      error.mockClear();
    }
    expect(await actions()).toEqual([]);
  });
});

describe("show", () => {
  test("tells history, headers, and what the contract says now", async () => {
    const refused = await putDeadLetter(system.singularity, { original: '{"pattern":{"n":0.10}}' });
    const fine = await putDeadLetter(system.singularity);
    const text = await dlq("show", refused);
    expect(text.stdout).toMatch(
      /now +it would be refused again\n +agent_id is missing \(required\)/,
    );
    expect(text.stdout).toMatch(/history\nat +consumer +code +error\n\d{4}/);
    expect(text.stdout).toContain('"pattern": "(masked object)"');
    const revealed = await dlq("show", refused, "--reveal", ...why);
    expect(revealed.stdout).toContain('"n": 0.10');
    const { stdout } = await dlq("show", fine, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      id: fine,
      now: { accepted: true, contract: true, issues: [] },
      history: [{ error: { code: "out_of_range" } }],
      deadLetter: { original_message_id: 42 },
    });
    const small = { ...environmentOf(system), CONSUMER_MAX_MESSAGE_BYTES: "10" };
    const large = await runCommand(["dlq", "show", fine], small);
    expect(large.stdout).toMatch(/refused again: it has \d+ bytes/);
  });

  test("finds dead letters that were replayed, and says when there is none", async () => {
    const id = await putDeadLetter(system.singularity);
    await dlq("replay", id, ...why);
    const { stdout } = await dlq("show", id);
    expect(stdout).toMatch(/archived .*replay, action \d+, sent as message \d+/);
    expect(await dlq("show", "987654")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(
        "there is no dead letter 987654, neither waiting nor archived",
      ),
    });
  });

  test("lets no dead letter steer the terminal", async () => {
    const id = await putOddDeadLetter(
      system.singularity,
      JSON.stringify({ reason: "\u001b[2J", error: { message: "a\u009b\u202eb" }, attempts: [1] }),
      '"\\u001b[2J"',
    );
    for (const words of [["list"], ["list", "--groups"], ["show", id]]) {
      const { exitCode, stdout } = await dlq(...words);
      expect(exitCode).toBe(0);
      expect(stdout).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    }
  });
});

test("export and import restore what discard took, in a file that nobody else may read", async () => {
  for (let count = 0; count < 3; count++) {
    await putDeadLetter(system.singularity, {
      original: `{"n":12345678901234567890,"count":${count}}`,
    });
  }
  const file = join(folder, "dead-letters.jsonl");
  const exported = await dlq("export", "--out", file, "--json");
  expect(JSON.parse(exported.stdout)).toEqual({ deadLetters: 3, file });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const { stdout } = await dlq("export");
  expect(await readFile(file, "utf8")).toBe(stdout);
  expect(stdout).toContain("12345678901234567890");
  expect((await dlq("export", "--out", file)).exitCode).toBe(1);
  expect((await dlq("discard", "--all", ...why)).stdout).toMatch(
    /^discarded 3 dead letters \(action \d+\)/,
  );
  expect((await dlq("import", file, ...why)).stdout).toMatch(
    /^put back 3 dead letters .* 0 were there/,
  );
  expect((await dlq("import", file, ...why)).stdout).toMatch(
    /^put back 0 dead letters .* 3 were there/,
  );
  expect((await dlq("export")).stdout).toBe(stdout);
  const recorded = (await actions()).map(({ action, message_count }) => [action, message_count]);
  // Whoever exports sees contents, which is on record, too; also where the file could not be written.
  const reveal = ["reveal", 0];
  expect(recorded).toEqual([
    reveal,
    reveal,
    reveal,
    ["discard", 3],
    ["import", 3],
    ["import", 0],
    reveal,
  ]);
});

test("an export whose reader goes away ends quietly", async () => {
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}-dlq" (vt, message)
     select now(), jsonb_build_object('original_message', repeat('x', 10000)) from generate_series(1, 1000) i`,
  );
  const { child, finished } = startCommand(["dlq", "export"], environmentOf(system));
  child.stdout?.once("data", () => child.stdout?.destroy());
  expect(await finished).toMatchObject({ exitCode: 0, stderr: "" });
});

test("replay-archive brings archived messages back, under either name", async () => {
  await queuesOf(system).sendBatch(patterns, [patternMessage(), patternMessage()]);
  await drainAll(system);
  const counted = await dlq("replay-archive", "--all", "--dry-run", "--json");
  expect(JSON.parse(counted.stdout)).toEqual({ dryRun: true, messages: 2 });
  const environment = environmentOf(system);
  const words = ["replay-archive", "--from", "1h", "--queue", patterns, ...why];
  const { stdout } = await runCommand(words, environment);
  expect(stdout).toMatch(/^moved back 2 messages \(action \d+\)\n$/);
  const drained = await runCommand(["drain"], environment);
  expect(JSON.parse(drained.stdout)).toMatchObject({ processed: 0, duplicates: 2 });
});

describe("rights", () => {
  const as = (member: (typeof members)["owner"], ...words: string[]) =>
    runCommand(["dlq", ...words], environmentOf(member));

  test("a member of the owner may do everything", async () => {
    const ids = [await putDeadLetter(system.singularity), await putDeadLetter(system.singularity)];
    const file = join(folder, "owners.jsonl");
    const words = [
      ["export", "--out", file],
      ["replay", ids[0] ?? "", ...why],
      ["discard", ids[1] ?? "", ...why],
      ["import", file, ...why],
      ["list"],
      ["show", ids[0] ?? ""],
      ["replay-archive", "--all", ...why],
    ];
    await queuesOf(system).send(patterns, patternMessage());
    await drainAll(system);
    for (const one of words) {
      expect(await as(members.owner, ...one)).toMatchObject({ exitCode: 0, stderr: "" });
    }
  });

  test("who may do all but send is told so before the first change", async () => {
    const id = await putDeadLetter(system.singularity);
    const call = "function public.replay_dead_letters";
    await system.singularity.pool.query(`revoke execute on ${call} from centralcloud_operator`);
    try {
      const before = await actions();
      const { exitCode, stderr } = await as(members.operator, "replay", id, ...why);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("lacks execute on public.replay_dead_letters");
      expect(await actions()).toEqual(before);
      expect((await as(members.operator, "discard", id, ...why)).exitCode).toBe(0);
    } finally {
      await system.singularity.pool.query(`grant execute on ${call} to centralcloud_operator`);
    }
  });

  test("a consumer may look, and is told what it lacks to act, before anything is recorded", async () => {
    const id = await putDeadLetter(system.singularity);
    expect((await as(members.consumer, "list")).exitCode).toBe(0);
    for (const words of [
      ["replay", id],
      ["discard", id],
      ["replay-archive", "--all"],
    ]) {
      const { exitCode, stderr } = await as(members.consumer, ...words, ...why);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/lacks .*execute on central\.plan_operator_action/);
      expect(stderr).toContain(`grant centralcloud_operator to "${members.consumer.login.name}"`);
    }
    for (const words of [["list"], ["replay", id, ...why]]) {
      const { exitCode, stderr } = await as(members.nobody, ...words);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/permission denied.*centralcloud_operator, on both sides/);
    }
    expect(await actions()).toEqual([]);
  });
});
