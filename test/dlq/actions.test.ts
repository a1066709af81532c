import { listActions, readAction } from "@centralcloud/central";
import {
  ActionLostError,
  ActionUnavailableError,
  continueAction,
  discardDeadLetters,
  recordAction,
} from "@centralcloud/dead-letters";
import { afterEach, describe, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { whileInTransaction } from "../support/concurrently.ts";
import { useSystem } from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import { deadLetterReplays } from "../support/dead-letter-replays.ts";
import {
  actionOn,
  emptyQueues,
  patterns,
  putDeadLetter,
  putDeadLetters,
  rowsOf,
  scopeOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));

const { dlq } = deadLetterCommands(system);
const { replay, queued, deadLettersLeft } = deadLetterReplays(system);
const actions = (...words: string[]) => runCommand(["actions", ...words], environmentOf(system));
const newest = async () => {
  const [action] = await listActions(system.central.pool, { limit: 1 });
  if (action === undefined) throw new Error("there is no action");
  return action;
};
const show = async (id: string) => JSON.parse((await actions("show", id, "--json")).stdout);
const resume = async (id: string) => {
  const { sources } = await scopeOf(system);
  return await continueAction(id, { central: system.central.pool, sources });
};
/** As if its runner had been silent for the whole of its lease. */
const endLeases = () =>
  system.central.pool.query(
    "update central.operator_actions set lease_until = now() - interval '1 s'",
  );

async function sentOnce(count: number): Promise<void> {
  const sent = (await queued()).map(({ message }) => message);
  expect(sent).toHaveLength(count);
  expect(new Set(sent).size).toBe(count);
}

describe("a replay whose process is killed", () => {
  test("is continued by whoever resumes it: each dead letter is sent once, and the figures are those of all runs", async () => {
    await putDeadLetters(system.singularity, 20_000);
    const { child, finished } = startCommand(
      ["dlq", "replay", "--all", "--idempotency-key", "form-1", ...why],
      environmentOf(system),
    );
    await until("some are sent", async () => (await queued()).length > 0);
    child.kill("SIGKILL");
    await finished;
    const { id } = await newest();
    await endLeases();
    const resumed = await actions("resume", id, "--actor", "bob@desk");
    expect(resumed).toMatchObject({ exitCode: 0, stderr: "" });
    await sentOnce(20_000);
    expect(await show(id)).toMatchObject({
      id,
      kind: "replay",
      state: "done",
      reason: "the producer is repaired",
      channel: "cli",
      expected: 20_000,
      moved: 20_000,
      alreadyMerged: 0,
      refused: 0,
      remaining: 0,
      runner: null,
      finishedAt: expect.stringMatching(/^\d{4}-/),
    });
    // The same command with the same key asks for what is done.
    const again = await dlq("replay", "--all", "--idempotency-key", "form-1", ...why, "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({
      actionId: id,
      state: "done",
      replayed: 20_000,
    });
    expect((await listActions(system.central.pool, { limit: 9 })).length).toBe(1);
  });

  test("is waited for until it may be dead, and continued by `resume` without an id", async () => {
    await putDeadLetters(system.singularity, 40);
    const { child, finished } = startCommand(
      ["dlq", "replay", "--all", "--rate", "10", ...why],
      environmentOf(system),
    );
    await until("some are sent", async () => (await queued()).length > 0);
    const { id } = await newest();
    // It lives, so it is let alone.
    expect((await actions("resume", id)).stdout).toMatch(/^action \d+ is running, by /);
    child.kill("SIGKILL");
    await finished;
    await actions("rate", id, "none");
    // Its lease is as long as it may be silent; here it is nearly over.
    await system.central.pool.query(
      "update central.operator_actions set lease_until = clock_timestamp() + interval '1 s'",
    );
    expect((await actions("resume", id)).stdout).toBe(`action ${id} is done: 40 moved, 0 remain\n`);
    await sentOnce(40);
    expect((await actions("resume")).stdout).toBe("no action waits for a runner\n");
  });
});

test("a runner that was silent for too long loses the action to another, and moves nothing more", async () => {
  await putDeadLetters(system.singularity, 300);
  const slow = replay({}, { rate: 20 });
  const lost = expect(slow).rejects.toThrow(ActionLostError);
  await until("some are sent", async () => (await queued()).length > 0);
  const { id } = await newest();
  await expect(resume(id)).rejects.toThrow(ActionUnavailableError);
  await system.central.pool.query(
    "update central.operator_actions set lease_until = now() - interval '1 s', rate = null",
  );
  expect(await resume(id)).toMatchObject({ state: "done", moved: 300 });
  await lost;
  await sentOnce(300);
  expect(await show(id)).toMatchObject({ state: "done", moved: 300, remaining: 0 });
});

test("runners that take an action over from each other without end send each dead letter once", async () => {
  await putDeadLetters(system.singularity, 3_000);
  const first = replay({}, { rate: 1_000 }).catch(() => {});
  await until("some are sent", async () => (await queued()).length > 0);
  const { id } = await newest();
  for (let turn = 0; turn < 4; turn++) {
    await endLeases();
    const runs = await Promise.allSettled([resume(id), resume(id), resume(id)]);
    if (runs.some((run) => run.status === "fulfilled")) break;
  }
  await first;
  await until("it is done", async () => {
    if ((await newest()).state === "done") return true;
    await endLeases();
    await resume(id).catch(() => {});
    return (await newest()).state === "done";
  });
  await sentOnce(3_000);
  expect(await show(id)).toMatchObject({ moved: 3_000, remaining: 0 });
});

describe("from another process", () => {
  test("an action is paused, given another rate, and resumed where it runs", async () => {
    await putDeadLetters(system.singularity, 400);
    const running = replay({}, { rate: 20 });
    await until("some are sent", async () => (await queued()).length > 0);
    const { id } = await newest();
    const paused = await actions("pause", id, "--reason", "the queue is long", "--json");
    expect(JSON.parse(paused.stdout)).toMatchObject({ id, state: "paused" });
    // The chunk under way may end.
    const sent = await until("nothing more is sent", async () => {
      const before = (await queued()).length;
      await new Promise((done) => setTimeout(done, 700));
      return (await queued()).length === before && before;
    });
    expect(sent).toBeLessThan(400);
    await actions("rate", id, "1000");
    expect((await queued()).length).toBe(sent);
    const { stdout } = await actions("resume", id);
    expect(stdout).toContain(`action ${id} is running, by `);
    expect(await running).toMatchObject({ replayed: 400, remaining: 0, state: "done" });
    const events = (await show(id)).events as { event: string; actor: string; detail: object }[];
    expect(events.map(({ event }) => event)).toEqual([
      "planned",
      "claimed",
      "paused",
      "rate",
      "resumed",
      "done",
    ]);
    expect(events[2]).toMatchObject({ detail: { reason: "the queue is long" } });
  });

  test("an action is cancelled: what it moved is told to the letter, and nothing continues with it", async () => {
    await putDeadLetters(system.singularity, 100);
    const running = replay({}, { rate: 20 });
    await until("some are sent", async () => (await queued()).length > 0);
    const { id } = await newest();
    expect((await actions("cancel", id)).stdout).toBe(`action ${id} is cancelled\n`);
    const report = await running;
    const sent = (await queued()).length;
    expect(report).toMatchObject({ state: "cancelled", replayed: sent, remaining: 100 - sent });
    expect(await deadLettersLeft()).toBe(100 - sent);
    expect(await show(id)).toMatchObject({
      state: "cancelled",
      moved: sent,
      remaining: 100 - sent,
    });
    expect((await show(id)).finishedAt).not.toBeNull();
    expect((await actions("cancel", id)).stdout).toBe(`action ${id} was cancelled before\n`);
    for (const words of [
      ["resume", id],
      ["pause", id],
      ["rate", id, "5"],
    ]) {
      const refused = await actions(...words);
      expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
      expect(refused.stderr).toContain(`action ${id} is cancelled, and can't be`);
    }
    expect((await queued()).length).toBe(sent);
  });

  test("one that was killed is cancelled with figures that its sources tell", async () => {
    await putDeadLetters(system.singularity, 100);
    const { child, finished } = startCommand(
      ["dlq", "replay", "--all", "--rate", "20", ...why],
      environmentOf(system),
    );
    await until("some are sent", async () => (await queued()).length > 0);
    child.kill("SIGKILL");
    await finished;
    await endLeases();
    // As if it had been killed before it could tell its last chunk.
    await system.central.pool.query("update central.operator_action_parts set moved_count = 0");
    const { id } = await newest();
    const sent = (await queued()).length;
    const cancelled = await actions("cancel", id, "--json");
    expect(JSON.parse(cancelled.stdout)).toMatchObject({
      state: "cancelled",
      moved: sent,
      remaining: 100 - sent,
    });
    await expect(resume(id)).rejects.toThrow(ActionUnavailableError);
  });
});

test("a discard that Ctrl-C ends is paused, and `actions resume` continues with it", async () => {
  await putDeadLetters(system.singularity, 100);
  const { child, finished } = startCommand(
    ["dlq", "discard", "--all", "--rate", "20", ...why],
    environmentOf(system),
  );
  await until("some are gone", async () => (await deadLettersLeft()) < 100);
  child.kill("SIGINT");
  const { exitCode, stderr } = await finished;
  expect(exitCode).toBe(1);
  const { id, state } = await newest();
  expect(state).toBe("paused");
  expect(stderr).toContain(`centralcloud actions resume ${id}`);
  await actions("rate", id, "none");
  expect((await actions("resume", id)).exitCode).toBe(0);
  expect(await deadLettersLeft()).toBe(0);
  expect(await show(id)).toMatchObject({ state: "done", moved: 100 });
});

test("dead letters that another transaction has locked are waited for at the end", async () => {
  await putDeadLetters(system.singularity, 10);
  await whileInTransaction(
    system.singularity.pool,
    (client) =>
      client.query(`select from pgmq."q_${patterns}-dlq" order by msg_id limit 3 for update`),
    async () => {
      const running = discardDeadLetters(await scopeOf(system), {}, actionOn(system));
      await until("the others are gone", async () => (await deadLettersLeft()) === 3);
      return { running };
    },
  ).then(async ({ running }) => expect(await running).toMatchObject({ moved: 10, remaining: 0 }));
});

test("dead letters that can't be sent are refused, and told with what remains", async () => {
  await putDeadLetter(system.singularity);
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}-dlq" (vt, message) values (now(), '{}'), (now(), null)`,
  );
  const { actionId } = await replay({});
  expect(await show(actionId ?? "")).toMatchObject({
    state: "done",
    expected: 3,
    moved: 1,
    refused: 2,
    remaining: 2,
  });
});

test("what fails is failed with why, and continues once that is repaired", async () => {
  await putDeadLetters(system.singularity, 5);
  await system.singularity.pool.query(
    `alter table pgmq."q_${patterns}" add constraint shut check (message is null) not valid`,
  );
  await expect(replay({})).rejects.toThrow(/shut/);
  const { id, state, error } = await newest();
  expect({ state, error }).toEqual({ state: "failed", error: "refused by the database (23514)" });
  expect(await deadLettersLeft()).toBe(5);
  const again = await actions("resume", id);
  expect(again.exitCode).toBe(1);
  await system.singularity.pool.query(`alter table pgmq."q_${patterns}" drop constraint shut`);
  expect((await actions("resume", id)).exitCode).toBe(0);
  await expect(show(id)).resolves.toMatchObject({ state: "done", moved: 5, error: null });
});

test("an action of a source that does not answer waits for it, and `resume` names it with exit code 3", async () => {
  await putDeadLetters(system.singularity, 5);
  const interrupt = new AbortController();
  interrupt.abort();
  const { actionId } = await replay({}, { signal: interrupt.signal });
  const elsewhere = {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: "postgres://nobody@127.0.0.1:1/nothing",
  };
  const alone = await runCommand(["actions", "resume", actionId ?? ""], elsewhere);
  expect(alone.exitCode).toBe(3);
  expect(alone.stderr).toContain("127.0.0.1:1/nothing can't be reached");
  for (const words of [["list"], ["show", actionId ?? ""], ["pause", actionId ?? ""]]) {
    const { exitCode } = await runCommand(["actions", ...words], elsewhere);
    expect(exitCode).toBe(0);
  }
  expect((await actions("resume", actionId ?? "")).exitCode).toBe(0);
  await sentOnce(5);
});

test("list and show tell what was done, and refuse what there is not", async () => {
  await putDeadLetters(system.singularity, 3);
  await replay({});
  await discardDeadLetters(await scopeOf(system), {}, actionOn(system));
  const listed = JSON.parse((await actions("list", "--json")).stdout);
  expect(listed).toMatchObject([
    { kind: "discard", state: "done", expected: 0, moved: 0 },
    { kind: "replay", state: "done", expected: 3, moved: 3, actor: "test@host", rate: null },
  ]);
  const { id } = listed[1];
  const table = await actions("list", "--state", "done", "--limit", "1");
  expect(table.stdout).toMatch(/^id +kind +state .*\n\d+ +discard +done/);
  const text = (await actions("show", id)).stdout;
  expect(text).toMatch(/already merged +0\n/);
  expect(text).toMatch(/source +queue +expected/);
  expect((await readAction(system.central.pool, id))?.parts).toHaveLength(3);
  expect((await actions("show", "987654")).exitCode).toBe(1);
  expect((await actions("pause", "987654")).exitCode).toBe(1);
  for (const words of [["list", "--state", "odd"], ["show", "x"], ["rate", id, "0"], ["pause"]]) {
    expect(await actions(...words)).toMatchObject({ exitCode: 2, stdout: "" });
  }
  expect((await actions("pause", id)).stderr).toContain("is done, and can't be paused");
  expect(await rowsOf(system.singularity, `a_${patterns}-dlq`)).toHaveLength(3);
});

test("work that is put on record is told what the record calls it, while it is running", async () => {
  const id = await recordAction(system.central.pool, {
    kind: "reveal",
    request: { actor: "test@host", reason: "a test" },
    selection: { ids: ["1"] },
    failureOf: () => undefined,
    async work(action) {
      expect((await readAction(system.central.pool, action.id))?.state).toBe("running");
      return action.id;
    },
  });
  expect(await newest()).toMatchObject({ id, state: "done", selection: { ids: ["1"] } });
});
