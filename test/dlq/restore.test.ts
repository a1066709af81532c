import {
  countRestorable,
  countRestorableOfQueues,
  DeadLetterNotFoundError,
  discardDeadLetters,
  type RestoreSelection,
  restoreDeadLetters,
  SelectionError,
} from "@centralcloud/dead-letters";
import { afterEach, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import { deadLetterReplays } from "../support/dead-letter-replays.ts";
import {
  actionOn,
  emptyQueues,
  patterns,
  putDeadLetter,
  putDeadLetters,
  putOddDeadLetter,
  rowsOf,
  scopeOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));

const { dlq } = deadLetterCommands(system);
const { replay, deadLettersLeft } = deadLetterReplays(system);
const discard = async (filter: object = {}) =>
  (await discardDeadLetters(await scopeOf(system), filter, actionOn(system))).actionId ?? "";
const restore = async (selection: Partial<RestoreSelection>, all = true) =>
  restoreDeadLetters(
    await scopeOf(system),
    { filter: {}, ...selection },
    actionOn(system, { all }),
  );

/** Every row of a dead-letter queue, all of its columns, as text. */
async function wholeQueue(): Promise<readonly string[]> {
  const { rows } = await system.singularity.pool.query<{ row: string }>(
    `select d::text as row from pgmq."q_${patterns}-dlq" d order by d.msg_id`,
  );
  return rows.map(({ row }) => row);
}

test("a discard that is undone leaves the queue as it was, byte for byte, whatever its dead letters have", async () => {
  await putDeadLetter(system.singularity, { original: '{"n":12345678901234567890,"m":0.10}' });
  for (const headers of [
    null,
    "null",
    "{}",
    "[]",
    '"text"',
    '{"a":0.10}',
    '{"action":"mine","action_id":[1]}',
    '{"headers":{}}',
    '{"headers_before":[1],"archived_msg_id":7}',
  ]) {
    await putOddDeadLetter(system.singularity, "{}", headers);
    await putOddDeadLetter(system.singularity, null, headers);
  }
  await system.singularity.pool.query(
    `update pgmq."q_${patterns}-dlq" set read_ct = 3, vt = now() + interval '1 h', enqueued_at = '2026-01-01Z'
      where msg_id % 3 = 0`,
  );
  const before = await wholeQueue();
  const action = await discard();
  expect(await deadLettersLeft()).toBe(0);
  expect(await restore({ action }, false)).toMatchObject({
    state: "done",
    moved: before.length,
    renumbered: 0,
    remaining: 0,
  });
  expect(await wholeQueue()).toEqual(before);
  expect(await rowsOf(system.singularity, `a_${patterns}-dlq`)).toEqual([]);
  expect(await restore({ action })).toMatchObject({ moved: 0, remaining: 0 });
  expect(await wholeQueue()).toEqual(before);
});

test("of several discards the one is undone that is meant, by action, filter or ids", async () => {
  const ids: string[] = [];
  for (const code of ["one", "one", "two", "two", "three"]) {
    ids.push(await putDeadLetter(system.singularity, { code }));
  }
  const before = await wholeQueue();
  const first = await discard({ codes: ["one"] });
  const second = await discard({ codes: ["two"] });
  await discard();
  expect(await restore({ action: first }, false)).toMatchObject({ moved: 2 });
  expect(await restore({ filter: { codes: ["three"] } }, false)).toMatchObject({ moved: 1 });
  const [, , third = ""] = ids;
  expect(await restore({ filter: { ids: [third] }, action: second }, false)).toMatchObject({
    moved: 1,
  });
  expect(await deadLettersLeft()).toBe(4);
  expect(await restore({ filter: { ids } }, false)).toMatchObject({
    moved: 1,
    present: ids.filter((_, index) => index !== 3).sort(),
  });
  expect(await wholeQueue()).toEqual(before);
});

test("what was replayed stays, and so does what an import has put back", async () => {
  const [one, two] = [
    await putDeadLetter(system.singularity),
    await putDeadLetter(system.singularity),
  ];
  const replayed = await replay({ ids: [one] });
  await expect(restore({ filter: { ids: [one] } })).rejects.toThrow(DeadLetterNotFoundError);
  await expect(restore({ action: replayed.actionId ?? "" })).rejects.toThrow(/is a replay/);
  await expect(restore({ action: "987654" })).rejects.toThrow(/no action 987654/);
  await expect(restore({ filter: { ids: ["987654"] } })).rejects.toThrow(
    /no discarded dead letter/,
  );
  await expect(restore({}, false)).rejects.toThrow(SelectionError);
  const rows = await wholeQueue();
  const action = await discard({ ids: [two] });
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}-dlq" (msg_id, vt, read_ct, enqueued_at, message) overriding system value
     select a.msg_id, a.vt, a.read_ct, a.enqueued_at, a.message from pgmq."a_${patterns}-dlq" a where a.msg_id = $1`,
    [two],
  );
  expect(await restore({ action })).toMatchObject({ moved: 0, remaining: 1 });
  expect(await wholeQueue()).toEqual(rows);
});

test("a dead letter whose id another has by now gets a new one, once", async () => {
  const id = await putDeadLetter(system.singularity);
  const action = await discard();
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}-dlq" (msg_id, vt, message) overriding system value values ($1, now(), '"newer"')`,
    [id],
  );
  const second = await discard();
  expect(await restore({ action: second })).toMatchObject({ moved: 1, renumbered: 0 });
  expect(await restore({ action })).toMatchObject({ moved: 1, renumbered: 1 });
  expect(await rowsOf(system.singularity, `q_${patterns}-dlq`)).toMatchObject([
    { msg_id: id, message: '"newer"', headers: null },
    { headers: { imported_letter_id: Number(id) } },
  ]);
});

/** A short form is part of the suite. The whole: DLQ_RESTORE_LETTERS=50000 npx vitest run dlq/restore */
const many = Number(process.env.DLQ_RESTORE_DEAD_LETTERS ?? 10_000);

test("restores that run at once, and one that is killed, bring each dead letter back once", async () => {
  await putDeadLetters(system.singularity, many);
  const before = await wholeQueue();
  const action = await discard();
  const { child, finished } = startCommand(
    ["dlq", "restore", "--action", action, ...why],
    environmentOf(system),
  );
  await until("some are back", async () => (await deadLettersLeft()) > 0);
  child.kill("SIGKILL");
  await finished;
  const reports = await Promise.all([restore({ action }), restore({ action })]);
  expect(reports.every(({ state, remaining }) => state === "done" && remaining === 0)).toBe(true);
  expect(await wholeQueue()).toEqual(before);
});

test("the command says what it would restore, and does it", async () => {
  await putDeadLetters(system.singularity, 3);
  const { stdout } = await dlq("discard", "--all", ...why, "--json");
  const { actionId } = JSON.parse(stdout);
  const counted = await dlq("restore", "--action", actionId, "--dry-run");
  expect(counted.stdout).toBe("would be restored: 3 dead letters (nothing was changed)\n");
  const restored = await dlq("restore", "--action", actionId, ...why);
  expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
  expect(restored.stdout).toMatch(/^restored 3 dead letters \(action \d+\)\n$/);
  for (const words of [["restore"], ["restore", ...why], ["restore", "--action", "x", ...why]]) {
    expect((await dlq(...words)).exitCode).toBe(2);
  }
});

test("what could be put back is counted for each queue of each source", async () => {
  await putDeadLetters(system.singularity, 2);
  await putDeadLetter(system.singularity, { queue: "agent-sessions" });
  const action = await discard();
  const scope = await scopeOf(system);
  const counts = await countRestorableOfQueues(scope, { filter: {}, action }, {});
  expect(counts.filter(({ count }) => count > 0)).toMatchObject([
    { queue: "agent-sessions", count: 1, source: system.singularity.name },
    { queue: patterns, count: 2, source: system.singularity.name },
  ]);
  expect(await countRestorable(scope, { filter: {}, action }, {})).toBe(3);
});
