import { listActions, readAction } from "@centralcloud/central";
import { afterEach, expect, test } from "vitest";
import { environmentOf, type RunningCommand, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { why } from "../support/dead-letter-commands.ts";
import { deadLetterReplays } from "../support/dead-letter-replays.ts";
import {
  emptyQueues,
  patterns,
  putDeadLetter,
  putDeadLetters,
  sourceOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* `actions work`: whoever is free continues an action whose runner died. */

const system = useSystem();
const members = useMembers(system, {
  ann: "centralcloud_operator",
  worker: "centralcloud_operator",
  viewer: "centralcloud_viewer",
});
failOnLeaks(system);
const running: RunningCommand[] = [];
afterEach(async () => {
  const commands = running.splice(0);
  for (const { child } of commands) child.kill("SIGKILL");
  await Promise.all(commands.map(({ finished }) => finished));
  await emptyQueues(system);
});

const { queued } = deadLetterReplays(system);

/** Ends with the test, however that ends. */
function start(who: keyof typeof members, ...words: string[]): RunningCommand {
  const command = startCommand(words, environmentOf(members[who]));
  running.push(command);
  return command;
}

const newest = async () => {
  const [action] = await listActions(system.central.pool, { limit: 1 });
  if (action === undefined) throw new Error("there is no action");
  return action;
};

/** As if its runner had been silent for the whole of its lease. */
const endLease = (id: string) =>
  system.central.pool.query(
    "update central.operator_actions set lease_until = clock_timestamp() - interval '1 s' where id = $1",
    [id],
  );

/** A replay of so many dead letters by ann, whose process was killed in the middle of it. @returns the action's number. */
async function killReplay(deadLetters: number): Promise<string> {
  await putDeadLetters(system.singularity, deadLetters);
  const replay = start("ann", "dlq", "replay", "--all", "--rate", "20", ...why);
  await until("some are sent", async () => (await queued()).length > 0);
  replay.child.kill("SIGKILL");
  await replay.finished;
  return (await newest()).id;
}

async function expectSentOnce(count: number): Promise<void> {
  const sent = (await queued()).map(({ message }) => message);
  expect(sent).toHaveLength(count);
  expect(new Set(sent).size).toBe(count);
}

test("a worker continues a replay whose process was killed, once its lease has ended, and each dead letter is sent once", async () => {
  const id = await killReplay(60);
  const worker = start("worker", "actions", "work");
  // The lease of the dead process ends by itself.
  await until("it has begun", () => worker.output().includes('"action-continued"'), 30_000);
  await until("it is done", async () => (await newest()).state === "done", 30_000);
  await expectSentOnce(60);
  await until("it says so", () => worker.output().includes('"action-ended"'));
  const action = await readAction(system.central.pool, id);
  expect(action).toMatchObject({ moved: 60, remaining: 0, login: members.ann.login.name });
  // The record names who did the rest of it.
  const claims = action?.events.filter(({ event }) => event === "claimed");
  expect(claims?.map(({ login }) => login)).toEqual([
    members.ann.login.name,
    members.worker.login.name,
  ]);
  // So does the source, of each that opened its part.
  const { rows } = await system.singularity.pool.query<{ openers: { login: string }[] }>(
    "select login, openers from operator_action_progress where action_id = $1 and queue = $2",
    [id, patterns],
  );
  const logins = [members.ann.login.name, members.worker.login.name];
  expect(rows).toMatchObject([{ login: logins[1], openers: logins.map((login) => ({ login })) }]);
  worker.child.kill("SIGTERM");
  expect((await worker.finished).exitCode).toBe(0);
}, 150_000);

test("two workers that are killed again and again share what waits, send each dead letter once, and count right", async () => {
  const id = await killReplay(120);
  for (let kills = 0; kills < 3; kills++) {
    await endLease(id);
    const before = (await queued()).length;
    const workers = [start("worker", "actions", "work"), start("worker", "actions", "work")];
    await until("one of them moves some", async () => (await queued()).length > before);
    for (const { child } of workers) child.kill("SIGKILL");
    await Promise.all(workers.map(({ finished }) => finished));
  }
  await runCommand(["actions", "rate", id, "none"], environmentOf(members.ann));
  await endLease(id);
  start("worker", "actions", "work");
  await until("it is done", async () => (await newest()).state === "done", 30_000);
  await expectSentOnce(120);
  expect(await newest()).toMatchObject({ id, moved: 120, remaining: 0 });
}, 150_000);

test("a worker that is stopped leaves its action to whoever is free, at once and not paused", async () => {
  const id = await killReplay(40);
  await endLease(id);
  const first = start("worker", "actions", "work");
  await until("it has begun", () => first.output().includes('"action-continued"'));
  first.child.kill("SIGTERM");
  expect((await first.finished).exitCode).toBe(0);
  expect(await newest()).toMatchObject({ id, state: "running", runner: null, leaseUntil: null });
  start("worker", "actions", "work");
  await until("it is done", async () => (await newest()).state === "done", 30_000);
  await expectSentOnce(40);
}, 150_000);

test("a worker leaves alone what is paused, and what somebody is at work on", async () => {
  const paused = await killReplay(30);
  await runCommand(["actions", "pause", paused], environmentOf(members.ann));
  await endLease(paused);
  const alive = start("ann", "dlq", "discard", "--all", "--rate", "0.5", ...why);
  await until("it is at work", async () => {
    const action = await newest();
    return action.id !== paused && action.moved > 0;
  });
  const { id, runner } = await newest();
  const third = await putDeadLetter(system.singularity);
  const dead = start("ann", "dlq", "discard", third, "--rate", "0.01", ...why);
  await until("it has begun", async () => {
    const action = await newest();
    return action.id !== id && action.moved > 0;
  });
  dead.child.kill("SIGKILL");
  await dead.finished;
  const worker = start("worker", "actions", "work");
  await until("it has looked", () => worker.output().includes('"part-started"'));
  await endLease((await newest()).id);
  await until(
    "it is done with the dead one",
    async () => (await newest()).state === "done",
    30_000,
  );
  expect(await readAction(system.central.pool, paused)).toMatchObject({ state: "paused" });
  expect(await readAction(system.central.pool, id)).toMatchObject({ state: "running", runner });
  alive.child.kill("SIGKILL");
}, 150_000);

test("a worker lends its rights to nobody: what no source has seen begin is left to whoever may act there", async () => {
  const { sourceId, name } = await sourceOf(system.singularity);
  await putDeadLetters(system.singularity, 3);
  const part = {
    ...{ source_id: sourceId, source_name: name, queue: patterns, expected: 3 },
    selection: { pathIsPredicate: false },
  };
  const id = await planDead("discard", [part]);
  const worker = start("worker", "actions", "work");
  await until("it says why", () => worker.output().includes('"action-not-continued"'));
  expect(worker.output()).toContain(`centralcloud actions resume ${id}`);
  expect(worker.output()).not.toContain('"action-continued"');
  expect(await newest()).toMatchObject({ id, state: "running", moved: 0, remaining: 3 });
  // Nor one that was cancelled: to close its parts would open them there by the worker's login.
  await members.ann.central.pool.query(
    "select from central.control_operator_action($1, 'cancel', 'ann')",
    [id],
  );
  const second = start("worker", "actions", "work");
  await until("it says why", () => second.output().includes('"action-not-continued"'));
  expect(second.output()).toContain(`centralcloud actions cancel ${id}`);
  expect(await newest()).toMatchObject({ id, state: "cancelled", finishedAt: null });
  const { rowCount } = await system.singularity.pool.query(
    "select from operator_action_progress where action_id = $1",
    [id],
  );
  expect(rowCount).toBe(0);
  // One that was planned by its own login has its rights anyway.
  await system.central.pool.query("update central.operator_actions set login = $2 where id = $1", [
    id,
    members.worker.login.name,
  ]);
  start("worker", "actions", "work");
  await until("its figures are final", async () => (await newest()).finishedAt !== null, 30_000);
}, 150_000);

/** As if its process had been killed after it claimed it. */
async function planDead(kind: string, parts: readonly object[]): Promise<string> {
  const { rows } = await members.ann.central.pool.query<{ id: string }>(
    `select action_id::text as id
       from central.plan_operator_action($1, 'test', 'a test', '{}', $2, p_channel => 'cli')`,
    [kind, JSON.stringify(parts)],
  );
  const id = rows[0]?.id ?? "";
  await members.ann.central.pool.query(
    "select from central.claim_operator_action($1, 'ann/1', interval '1 hour')",
    [id],
  );
  await endLease(id);
  return id;
}

test("a worker leaves alone what only its own process can do, what this build does not know, and what needs a file", async () => {
  const revealed = await planDead("reveal", []);
  const { sourceId, name } = await sourceOf(system.singularity);
  const part = {
    ...{ source_id: sourceId, source_name: name, queue: patterns, expected: 1 },
    selection: { ids: ["1"] },
  };
  const unknown = await planDead("rewind", [part]);
  const edit = await planDead("edit", [part]);
  await system.central.pool.query("update central.operator_actions set login = $1", [
    members.worker.login.name,
  ]);
  const worker = start("worker", "actions", "work");
  await until(
    "it has looked at both others",
    () => worker.output().match(/"action-not-continued"/g)?.length === 2,
  );
  expect(worker.output()).toContain("does not know actions of the kind rewind");
  expect(worker.output()).toContain(`centralcloud actions resume ${edit} --from FILE`);
  expect(worker.output()).not.toContain('"action-continued"');
  for (const id of [revealed, unknown, edit]) {
    const action = await readAction(system.central.pool, id);
    expect(action).toMatchObject({ state: "running", error: null });
    expect(action?.events.filter(({ event }) => event === "claimed")).toHaveLength(1);
  }
}, 150_000);

test("a viewer's worker moves nothing, and says that it may not", async () => {
  const id = await killReplay(20);
  await endLease(id);
  const sent = (await queued()).length;
  const worker = start("viewer", "actions", "work");
  await until("it says why", () => worker.output().includes('"action-not-continued"'));
  expect(worker.output()).toContain("centralcloud_operator");
  expect(worker.output()).not.toContain('"action-continued"');
  expect((await queued()).length).toBe(sent);
}, 150_000);

test("a worker that may not ask the central store says so, and when it may again", async () => {
  const { name } = members.worker.login;
  await system.central.pool.query(`revoke centralcloud_operator from ${name}`);
  const worker = start("worker", "actions", "work");
  try {
    await until("it says so", () => worker.output().includes('"actions-fault"'), 30_000);
    expect(worker.output()).not.toContain('"actions-recovered"');
  } finally {
    await system.central.pool.query(`grant centralcloud_operator to ${name}`);
  }
  await until("it works again", () => worker.output().includes('"actions-recovered"'), 30_000);
}, 90_000);

test("a worker that can't ask the central store says so, and stops when it is told to", async () => {
  const worker = startCommand(["actions", "work"], {
    ...environmentOf(members.worker),
    CENTRAL_DATABASE_URL: "postgres://nobody@127.0.0.1:1/central",
  });
  running.push(worker);
  await until("it says so", () => worker.output().includes('"actions-fault"'), 30_000);
  worker.child.kill("SIGTERM");
  expect((await worker.finished).exitCode).toBe(0);
}, 60_000);
