import { listActions } from "@centralcloud/central";
import { ActionLostError, continueAction } from "@centralcloud/dead-letters";
import { afterEach, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { why } from "../support/dead-letter-commands.ts";
import { deadLetterReplays } from "../support/dead-letter-replays.ts";
import { emptyQueues, putDeadLetters, scopeOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* A central store, or a source, that was restored while an action ran: it knows less of it than has been done. */

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));
const { replay, queued, deadLettersLeft } = deadLetterReplays(system);
const count = 60;

async function sentOnce(): Promise<void> {
  const sent = (await queued()).map(({ message }) => message);
  expect(sent).toHaveLength(count);
  expect(new Set(sent).size).toBe(count);
  expect(await deadLettersLeft()).toBe(0);
}

async function startSlowly() {
  await putDeadLetters(system.singularity, count);
  const command = startCommand(
    ["dlq", "replay", "--all", "--rate", "20", ...why],
    environmentOf(system),
  );
  await until("some are sent", async () => (await queued()).length > 0);
  const [action] = await listActions(system.central.pool, { limit: 1 });
  return { ...command, id: action?.id ?? "" };
}

const goOn = async (id: string) => {
  const { sources } = await scopeOf(system);
  return await continueAction(id, { central: system.central.pool, sources });
};

/** As the store was before anybody had begun with the action. */
const forgetClaims = () =>
  system.central.pool.query(`
    update central.operator_actions
       set state = 'planned', runner = null, lease_until = null, claim_count = 0, message_count = 0;
    update central.operator_action_parts set moved_count = 0, cursor_at = null, cursor_id = null`);

test("an action that the restored store does not know ends in words; the command again does the rest, and nothing twice", async () => {
  const { finished, id } = await startSlowly();
  await system.central.pool.query(
    "delete from central.operator_action_events; delete from central.operator_action_parts; delete from central.operator_actions",
  );
  const { exitCode, stderr } = await finished;
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`the central store does not know action ${id} any more`);
  expect(stderr).toContain("give the command again for the rest");
  const before = (await queued()).length;
  expect(before).toBeLessThan(count);
  expect(await replay({})).toMatchObject({ replayed: count - before, state: "done" });
  await sentOnce();
});

test("an action of which the restored store has an older state is resumed, whatever its lost claims did at the source", async () => {
  const { finished, id } = await startSlowly();
  await forgetClaims();
  const { exitCode, stderr } = await finished;
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`the central store has an older state of action ${id}`);
  expect(stderr).toContain(`centralcloud actions resume ${id}`);
  // Several runners had it, each by a claim of a greater number.
  await system.singularity.pool.query("update operator_action_progress set claim_number = 9");
  const resumed = await runCommand(["actions", "resume", id], environmentOf(system));
  expect(resumed).toMatchObject({ exitCode: 0, stderr: "" });
  expect(resumed.stdout).toBe(`action ${id} is done: ${count} moved, 0 remain\n`);
  await sentOnce();
});

test("a runner whose claim the store has lost moves nothing more once another one continues", async () => {
  await putDeadLetters(system.singularity, count);
  const running = replay({}, { rate: 20 });
  const lost = expect(running).rejects.toThrow(ActionLostError);
  await until("some are sent", async () => (await queued()).length > 0);
  const [action] = await listActions(system.central.pool, { limit: 1 });
  await forgetClaims();
  const goingOn = goOn(action?.id ?? "");
  await lost;
  expect(await goingOn).toMatchObject({ state: "done", moved: count, remaining: 0 });
  await sentOnce();
});

test("an action of which the restored source knows nothing ends in words, and is resumed with what is left there", async () => {
  const { finished, id } = await startSlowly();
  await system.singularity.pool.query("delete from operator_action_progress");
  const { exitCode, stderr } = await finished;
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`the source does not know any more how far action ${id} was there`);
  const resumed = await runCommand(["actions", "resume", id], environmentOf(system));
  expect(resumed).toMatchObject({ exitCode: 0, stderr: "" });
  await sentOnce();
});

test("a source that says claims which nobody makes fails the action, and the command again does the rest", async () => {
  const { finished, id } = await startSlowly();
  await forgetClaims();
  await finished;
  await system.singularity.pool.query(
    "update operator_action_progress set claim_number = 2147483647",
  );
  await expect(goOn(id)).rejects.toThrow(
    `${system.singularity.name}: no claim of action ${id} has the number 2147483647`,
  );
  expect(await replay({})).toMatchObject({ state: "done", remaining: 0 });
  await sentOnce();
});

test.each([
  ["a count beyond all numbers", "moved_count = 9223372036854775807"],
  [
    "results without end",
    "detail = (select jsonb_object_agg('result ' || i, i) from generate_series(1, 1000) i)",
  ],
  ["a result that is no number", `detail = '{"sent": "many"}'`],
])("a source that tells of %s fails alone, and the other one is worked on", async (_, lie) => {
  const hostile = await createTestDatabase("source");
  try {
    await putDeadLetters(system.singularity, count);
    await putDeadLetters(hostile, 1);
    await hostile.pool.query(`
      create function public.lie_of_test() returns trigger language plpgsql as $$
      begin
        update public.operator_action_progress set ${lie};
        return null;
      end $$;
      create trigger lie_of_test after insert on public.operator_action_progress for each row execute function public.lie_of_test()`);
    const environment = environmentOf(system);
    const { exitCode, stderr } = await runCommand(["dlq", "replay", "--all", ...why], {
      ...environment,
      SOURCE_DATABASE_URLS: `${hostile.url} ${environment.SOURCE_DATABASE_URLS}`,
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `${hostile.name}: what it says of how far the action is there can't be`,
    );
    await sentOnce();
  } finally {
    await dropTestDatabase(hostile);
  }
});
