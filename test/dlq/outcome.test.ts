import { afterEach, expect, test } from "vitest";
import { emptyCentral } from "../support/central-content.ts";
import { environmentOf, startCommand } from "../support/command.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import { emptyQueues, patterns, putDeadLetter, rowsOf, sourceOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(async () => {
  await emptyQueues(system);
  await emptyCentral(system.central.pool);
});

const { dlq } = deadLetterCommands(system);
const actions = (...words: string[]) => runCommand(["actions", ...words], environmentOf(system));
const show = async (id: string) => JSON.parse((await actions("show", id, "--json")).stdout);
const queued = () => rowsOf(system.singularity, `q_${patterns}`);

async function put(good: number, bad: number): Promise<void> {
  for (let count = 0; count < good; count++) {
    await putDeadLetter(system.singularity, { original: patternMessage({ source: `${count}` }) });
  }
  for (let count = 0; count < bad; count++) {
    await putDeadLetter(system.singularity, { original: patternMessage({ confidence: 7 }) });
  }
}

test("an action tells what became of what it sent, also once that was replayed or discarded again", async () => {
  await put(5, 3);
  const replayed = JSON.parse((await dlq("replay", "--all", ...why, "--json")).stdout);
  const id = replayed.actionId as string;
  expect((await show(id)).outcome).toMatchObject({ sent: 8, waiting: 8, merged: 0 });
  await drainAll(system);
  const outcome = {
    sent: 8,
    merged: 5,
    waiting: 0,
    deadLettered: 3,
    unknown: 0,
    again: [{ reason: "invalid", code: "out_of_range", count: 3 }],
  };
  expect((await show(id)).outcome).toEqual(outcome);
  const text = (await actions("show", id)).stdout;
  expect(text).toContain("of 8 sent: 5 merged, 0 wait, 3 dead-lettered again\n");
  expect(text).toContain("  3 × invalid out_of_range\n");
  // What is done to them next changes nothing of it.
  const again = JSON.parse((await dlq("replay", "--all", ...why, "--json")).stdout);
  expect((await show(id)).outcome).toEqual(outcome);
  expect((await show(again.actionId)).outcome).toMatchObject({ sent: 3, waiting: 3 });
  await drainAll(system);
  await dlq("discard", "--all", ...why);
  expect((await show(id)).outcome).toEqual(outcome);
  expect((await show(again.actionId)).outcome).toMatchObject({ sent: 3, deadLettered: 3 });
  // A purged archive is no success.
  await system.singularity.pool.query(`truncate pgmq."a_${patterns}"`);
  expect((await show(id)).outcome).toMatchObject({ merged: 0, unknown: 5 });
});

test("an archive replay tells what became of what it put back: merged or known as merged, waiting, and dead-lettered again", async () => {
  const queues = queuesOf(system);
  const bodies = Array.from({ length: 6 }, (_, number) => patternMessage({ source: `${number}` }));
  await queues.sendBatch(patterns, bodies);
  await drainAll(system);
  // Two of them would be refused now: what is archived may be of a build that took more.
  await system.singularity.pool.query(
    `update pgmq."a_${patterns}" set message = jsonb_set(message, '{confidence}', '7')
      where msg_id in (select msg_id from pgmq."a_${patterns}" order by msg_id limit 2)`,
  );
  await emptyCentral(system.central.pool);
  const { stdout } = await runCommand(
    ["replay-archive", "--all", ...why, "--json"],
    environmentOf(system),
  );
  const { actionId, requeued } = JSON.parse(stdout);
  expect(requeued).toBe(6);
  expect((await show(actionId)).outcome).toMatchObject({ sent: 6, waiting: 6, merged: 0 });
  await drainAll(system);
  const outcome = {
    sent: 6,
    merged: 4,
    waiting: 0,
    deadLettered: 2,
    unknown: 0,
    again: [{ reason: "invalid", code: "out_of_range", count: 2 }],
  };
  expect((await show(actionId)).outcome).toEqual(outcome);
  expect((await actions("show", actionId)).stdout).toContain(
    "of 6 put back: 4 merged, 0 wait, 2 dead-lettered again\n",
  );
  // What is done to the dead letters next changes nothing of it.
  await dlq("replay", "--all", ...why);
  await drainAll(system);
  expect((await show(actionId)).outcome).toEqual(outcome);
  // A later archive replay takes over what it puts back once more.
  const later = await runCommand(
    ["replay-archive", "--all", ...why, "--json"],
    environmentOf(system),
  );
  expect((await show(JSON.parse(later.stdout).actionId)).outcome).toMatchObject({ sent: 4 });
  expect((await show(actionId)).outcome).toMatchObject({ merged: 0, unknown: 4 });
});

test("an action of a source that does not answer is shown as far as it is known, with exit code 3", async () => {
  await put(1, 0);
  const { actionId } = JSON.parse((await dlq("replay", "--all", ...why, "--json")).stdout);
  const elsewhere = {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: "postgres://nobody@127.0.0.1:1/nothing",
  };
  const { exitCode, stdout } = await runCommand(["actions", "show", actionId, "--json"], elsewhere);
  expect(exitCode).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({
    id: actionId,
    moved: 1,
    unreachable: [{ source: "127.0.0.1:1/nothing" }],
  });
});

test("a canary goes first, and the rest follows once each of its messages was merged", async () => {
  await put(20, 0);
  const { finished } = startCommand(
    ["dlq", "replay", "--all", "--canary", "--json", ...why],
    environmentOf(system),
  );
  await until("the first ten are sent", async () => (await queued()).length === 10);
  const [listed] = JSON.parse((await actions("list", "--json")).stdout);
  await until("they are waited for", async () => {
    return (await show(listed.id)).canary.state === "waiting";
  });
  expect(await queued()).toHaveLength(10);
  await drainAll(system);
  const { exitCode, stdout } = await finished;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ replayed: 20, state: "done", stopped: null });
  expect((await show(listed.id)).canary).toEqual({ count: 10, state: "passed" });
});

test("a canary that comes back stops the rest, until somebody resumes or cancels it", async () => {
  await put(0, 1);
  await put(6, 0);
  const { finished } = startCommand(
    ["dlq", "replay", "--all", "--canary", "3", ...why],
    environmentOf(system),
  );
  await until("the first three are sent", async () => (await queued()).length === 3);
  await drainAll(system);
  const { exitCode, stdout, stderr } = await finished;
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^replayed 3 dead letters/);
  expect(stderr).toContain("1 of the first 3 were dead-lettered again: 1 × invalid out_of_range");
  const [{ id, ...stopped }] = JSON.parse((await actions("list", "--json")).stdout);
  expect(stopped).toMatchObject({ state: "paused", canary: { state: "stopped" }, moved: 3 });
  expect(stopped.error).toContain("1 of the first 3");
  expect(await queued()).toHaveLength(0);
  // It has been seen; what is asked for now is the rest.
  expect((await actions("resume", id)).exitCode).toBe(0);
  expect(await show(id)).toMatchObject({ state: "done", moved: 7, remaining: 0 });
  expect(await queued()).toHaveLength(4);
});

test("a canary whose runner ends before the action is paused is judged again by the next one", async () => {
  await put(0, 1);
  await put(6, 0);
  const { central } = system;
  // As if it were killed when it has seen the outcome of the first ones, and before it has stopped.
  await central.pool.query(`
    create function central.end_runner() returns trigger language plpgsql as $$
    begin raise exception 'killed'; end $$;
    create trigger end_runner before update on central.operator_actions
      for each row when (new.state = 'paused') execute function central.end_runner()`);
  try {
    const { finished } = startCommand(
      ["dlq", "replay", "--all", "--canary", "3", ...why],
      environmentOf(system),
    );
    await until("the first three are sent", async () => (await queued()).length === 3);
    await drainAll(system);
    expect((await finished).exitCode).toBe(1);
  } finally {
    await central.pool.query(
      "drop trigger end_runner on central.operator_actions; drop function central.end_runner()",
    );
  }
  const [{ id }] = JSON.parse((await actions("list", "--json")).stdout);
  expect((await actions("resume", id)).exitCode).toBe(1);
  expect(await show(id)).toMatchObject({
    state: "paused",
    canary: { state: "stopped" },
    moved: 3,
    error: expect.stringContaining("1 of the first 3"),
  });
  expect(await queued()).toHaveLength(0);
});

test("dead letters whose message was merged before are no canary: so many more go first", async () => {
  const { singularity, central } = system;
  const sourceId = (await sourceOf(singularity)).sourceId;
  const at = "2026-01-01T00:00:00+00:00";
  await central.pool.query(
    `insert into central.processed_messages (lane_id, msg_id, enqueued_at)
     select central.lane_id($1, $2), i, $3 from generate_series(1, 3) i`,
    [sourceId, patterns, at],
  );
  for (const originalId of [1, 2, 3]) {
    await putDeadLetter(singularity, { originalId, originalEnqueuedAt: at });
  }
  await put(0, 2);
  await put(4, 0);
  const { finished } = startCommand(
    ["dlq", "replay", "--all", "--canary", "2", ...why],
    environmentOf(system),
  );
  await until("the first two are sent", async () => (await queued()).length === 2);
  await drainAll(system);
  const { exitCode, stderr } = await finished;
  expect(exitCode).toBe(1);
  expect(stderr).toContain("2 of the first 2 were dead-lettered again");
  const [{ state, moved, alreadyMerged }] = JSON.parse((await actions("list", "--json")).stdout);
  expect({ state, moved, alreadyMerged }).toEqual({ state: "paused", moved: 5, alreadyMerged: 3 });
});
