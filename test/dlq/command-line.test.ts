import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "@centralcloud/cli";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { environmentOf, runCommand, startCommand } from "../support/command.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { emptyQueues, patterns, putLetter, putOddLetter, rowsOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const system = useSystem();
const members = useMembers(system, {
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

const dlq = (...words: string[]) => runCommand(["dlq", ...words], environmentOf(system));
const why = ["--reason", "the producer is mended"];
const queued = () => rowsOf(system.singularity, `q_${patterns}`);

async function actions() {
  const { rows } = await system.central.pool.query(
    "select actor, action, reason, selection, message_count from central.operator_actions order by id",
  );
  return rows;
}

describe("list", () => {
  test("shows letters a page at a time, by filter, and in groups", async () => {
    for (let count = 0; count < 3; count++) await putLetter(system.singularity);
    await putLetter(system.singularity, { queue: "agent-sessions", reason: "unreadable" });
    const first = await dlq("list", "--limit", "2", "--json");
    expect(first.stderr).toBe("");
    const page = JSON.parse(first.stdout);
    expect(page.letters).toMatchObject([{ reason: "unreadable" }, { queue: patterns }]);
    const rest = await dlq("list", "--json", "--after", page.next);
    expect(JSON.parse(rest.stdout)).toMatchObject({ letters: [{}, {}], next: null });
    for (const option of ["--reason", "--letter-reason"]) {
      const filtered = await dlq("list", option, "unreadable", "--reason", "failed", "--json");
      expect(JSON.parse(filtered.stdout).letters).toHaveLength(1);
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
    expect(groups.stdout).toContain("3 × invalid: confidence must be from 0 to 1");
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
      [["show", "x"], /not the id of a letter/],
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
    const refused = await putLetter(system.singularity, { original: '{"pattern":{"n":0.10}}' });
    const fine = await putLetter(system.singularity);
    const text = await dlq("show", refused);
    expect(text.stdout).toMatch(
      /now +it would be refused again\n +agent_id is missing \(required\)/,
    );
    expect(text.stdout).toMatch(/history\nat +consumer +code +error\n\d{4}/);
    expect(text.stdout).toContain('"n": 0.10');
    const { stdout } = await dlq("show", fine, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      id: fine,
      now: { accepted: true, contract: true, issues: [] },
      history: [{ error: { code: "out_of_range" } }],
      letter: { original_message_id: 42 },
    });
    const small = { ...environmentOf(system), CONSUMER_MAX_MESSAGE_BYTES: "10" };
    const large = await runCommand(["dlq", "show", fine], small);
    expect(large.stdout).toMatch(/refused again: it has \d+ bytes/);
  });

  test("finds letters that were replayed, and says when there is none", async () => {
    const id = await putLetter(system.singularity);
    await dlq("replay", id, ...why);
    const { stdout } = await dlq("show", id);
    expect(stdout).toMatch(/archived .*replay, action \d+, sent as message \d+/);
    expect(await dlq("show", "987654")).toMatchObject({
      exitCode: 1,
      stderr: "centralcloud: there is no letter 987654, neither waiting nor archived\n",
    });
  });

  test("lets no letter steer the terminal", async () => {
    const id = await putOddLetter(
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

describe("replay", () => {
  test("by filter sends, records who and why, and does nothing the second time", async () => {
    for (let count = 0; count < 3; count++) await putLetter(system.singularity);
    await putLetter(system.singularity, { reason: "rejected" });
    const words = ["replay", "--letter-reason", "invalid", "--since", "1h", ...why, "--json"];
    const dryRun = await dlq("replay", "--letter-reason", "invalid", "--dry-run", "--json");
    expect(JSON.parse(dryRun.stdout)).toMatchObject({ dryRun: true, letters: 3 });
    expect(await actions()).toEqual([]);
    const first = await dlq(...words, "--actor", "ann@desk");
    expect(JSON.parse(first.stdout)).toMatchObject({ replayed: 3, remaining: 0 });
    const second = await dlq(...words);
    expect(JSON.parse(second.stdout)).toMatchObject({ replayed: 0 });
    expect(await queued()).toHaveLength(3);
    expect(await actions()).toMatchObject([
      {
        actor: "ann@desk",
        action: "replay",
        reason: "the producer is mended",
        message_count: 3,
        selection: { reasons: ["invalid"], since: { secondsAgo: 3600 } },
      },
      { actor: expect.stringMatching(/.+@.+/), message_count: 0 },
    ]);
  });

  test("that Ctrl-C interrupts says how to go on, and the next call does", async () => {
    for (let count = 0; count < 30; count++) await putLetter(system.singularity);
    const { child, finished } = startCommand(
      ["dlq", "replay", "--all", "--rate", "20", ...why],
      environmentOf(system),
    );
    await until("some are sent", async () => (await queued()).length > 0);
    child.kill("SIGINT");
    const { exitCode, stdout, stderr } = await finished;
    expect(exitCode).toBe(1);
    const replayed = Number(/replayed (\d+) letters/.exec(stdout)?.[1]);
    expect(replayed).toBe((await queued()).length);
    expect(replayed).toBeLessThan(30);
    const bound = /--until (\S+)/.exec(stderr)?.[1] ?? "";
    const next = await dlq("replay", "--until", bound, ...why);
    expect(next.stdout).toMatch(new RegExp(`^replayed ${30 - replayed} letters`));
    expect(await queued()).toHaveLength(30);
  });

  test("that is killed loses nothing and sends nothing twice, and its action stays visible", async () => {
    await system.singularity.pool.query(
      `insert into pgmq."q_${patterns}-dlq" (vt, message)
       select now(), jsonb_build_object('original_message', i) from generate_series(1, 20000) i`,
    );
    const { child, finished } = startCommand(
      ["dlq", "replay", "--all", ...why],
      environmentOf(system),
    );
    await until("some are sent", async () => (await queued()).length > 0);
    child.kill("SIGKILL");
    await finished;
    const { rows } = await system.central.pool.query(
      "select finished_at from central.operator_actions",
    );
    expect(rows).toEqual([{ finished_at: null }]);
    expect((await dlq("replay", "--all", ...why)).exitCode).toBe(0);
    const sent = (await queued()).map(({ message }) => message);
    expect(sent).toHaveLength(20_000);
    expect(new Set(sent).size).toBe(20_000);
  });

  test("with an edited message takes one that the contract accepts", async () => {
    const id = await putLetter(system.singularity);
    const [bad, good] = [join(folder, "bad.json"), join(folder, "good.json")];
    await writeFile(bad, patternMessage({ confidence: 7 }));
    await writeFile(good, patternMessage({ confidence: 0.7 }));
    const refused = await dlq("replay", id, "--edit", bad, ...why);
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused.stderr).toContain("the edited message: confidence must");
    expect((await dlq("replay", id, "--edit", bad, "--dry-run")).exitCode).toBe(2);
    expect((await dlq("replay", id, "--edit", good, ...why)).exitCode).toBe(0);
    expect((await queued())[0]?.message).toContain('"confidence": 0.7');
  });

  test("changes nothing when the central database can't be reached, which only counting does without", async () => {
    const id = await putLetter(system.singularity);
    const alone = {
      ...environmentOf(system),
      CENTRAL_DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing",
    };
    for (const words of [["replay"], ["discard"]]) {
      const { exitCode, stdout } = await runCommand(["dlq", ...words, id, ...why], alone);
      expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
    }
    const counted = await runCommand(["dlq", "replay", id, "--dry-run"], alone);
    expect(counted.stdout).toBe("would be replayed: 1 letters (nothing was changed)\n");
    expect(await queued()).toEqual([]);
  });

  test("of one source does without another that is down", async () => {
    await putLetter(system.singularity);
    const urls = `postgres://nobody@127.0.0.1:1/nothing ${system.singularity.url}`;
    const environment = { ...environmentOf(system), SOURCE_DATABASE_URLS: urls };
    const name = system.singularity.name;
    const all = await runCommand(["dlq", "replay", "--all", ...why], environment);
    expect(all.exitCode).toBe(3);
    const other = await runCommand(["dlq", "replay", "--source", "other", ...why], environment);
    expect(other.exitCode).toBe(3);
    const one = await runCommand(["dlq", "replay", "--source", name, ...why], environment);
    expect(one).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await queued()).toHaveLength(1);
  });
});

test("export and import give back what discard took, in a file that nobody else may read", async () => {
  for (let count = 0; count < 3; count++) {
    await putLetter(system.singularity, {
      original: `{"n":12345678901234567890,"count":${count}}`,
    });
  }
  const file = join(folder, "letters.jsonl");
  const exported = await dlq("export", "--out", file, "--json");
  expect(JSON.parse(exported.stdout)).toEqual({ letters: 3, file });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const { stdout } = await dlq("export");
  expect(await readFile(file, "utf8")).toBe(stdout);
  expect(stdout).toContain("12345678901234567890");
  expect((await dlq("export", "--out", file)).exitCode).toBe(1);
  expect((await dlq("discard", "--all", ...why)).stdout).toMatch(
    /^discarded 3 letters \(action \d+\)/,
  );
  expect((await dlq("import", file, ...why)).stdout).toMatch(/^put back 3 letters .* 0 were there/);
  expect((await dlq("import", file, ...why)).stdout).toMatch(/^put back 0 letters .* 3 were there/);
  expect((await dlq("export")).stdout).toBe(stdout);
  const recorded = (await actions()).map(({ action, message_count }) => [action, message_count]);
  expect(recorded).toEqual([
    ["discard", 3],
    ["import", 3],
    ["import", 0],
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
    const ids = [await putLetter(system.singularity), await putLetter(system.singularity)];
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

  test("a consumer may look, and is told what it lacks to act, before anything is recorded", async () => {
    const id = await putLetter(system.singularity);
    expect((await as(members.consumer, "list")).exitCode).toBe(0);
    for (const words of [
      ["replay", id],
      ["discard", id],
      ["replay-archive", "--all"],
    ]) {
      const { exitCode, stderr } = await as(members.consumer, ...words, ...why);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/lacks .*insert on central\.operator_actions/);
      expect(stderr).toContain(`grant centralcloud_owner to "${members.consumer.login.name}"`);
    }
    for (const words of [["list"], ["replay", id, ...why]]) {
      const { exitCode, stderr } = await as(members.nobody, ...words);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/permission denied.*centralcloud_owner on both sides/);
    }
    expect(await actions()).toEqual([]);
  });
});
