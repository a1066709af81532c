import { listActions } from "@centralcloud/central";
import { replayArchive } from "@centralcloud/dead-letters";
import { afterEach, beforeEach, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { actionOn, emptyQueues, patterns, rowsOf, scopeOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* An action that can't be begun at one queue is never at its end: nobody knows what remains there. */

const system = useSystem();
failOnLeaks(system);
const query = (text: string) => system.singularity.pool.query(text);
const command = (...words: string[]) => runCommand(["actions", ...words], environmentOf(system));
const knowledge = "agent-knowledge-updates";
const waiting = async () => (await rowsOf(system.singularity, `q_${patterns}`)).length;

const openKnowledge = "drop function shut() cascade";
beforeEach(() =>
  query(
    `create function shut() returns trigger language plpgsql as $$ begin raise exception 'shut'; end $$;
     create trigger shut before insert on operator_action_progress
       for each row when (new.queue = '${knowledge}') execute function shut()`,
  ),
);
afterEach(async () => {
  await query("drop function if exists shut() cascade");
  await emptyQueues(system);
});

async function archive(queue: typeof patterns | typeof knowledge, count: number): Promise<void> {
  await queuesOf(system).sendBatch(queue, Array(count).fill("{}"));
  await query(`select pgmq.archive('${queue}', array(select msg_id from pgmq."q_${queue}"))`);
}

async function newest() {
  const [action] = await listActions(system.central.pool, { limit: 1 });
  if (action === undefined) throw new Error("there is no action");
  return action;
}

test("one that is interrupted with nothing left elsewhere is paused, not done", async () => {
  await archive(knowledge, 1);
  const options = { ...actionOn(system), signal: AbortSignal.abort() };
  const report = await replayArchive(await scopeOf(system), {}, options);
  expect(report).toMatchObject({ state: "paused", requeued: 0 });
  await query(openKnowledge);
  const { id } = await newest();
  expect((await command("resume", id)).stdout).toBe(`action ${id} is done: 1 moved, 0 remain\n`);
});

test("one that is cancelled has final figures once that queue has answered", async () => {
  await archive(patterns, 100);
  const running = replayArchive(await scopeOf(system), {}, { ...actionOn(system), rate: 20 });
  const failed = expect(running).rejects.toThrow(/shut/);
  await until("some are back", async () => (await waiting()) > 0);
  const { id } = await newest();
  await command("cancel", id);
  await failed;
  const moved = await waiting();
  expect(moved).toBeLessThan(100);
  expect(await newest()).toMatchObject({ state: "cancelled", finishedAt: null });
  await query(openKnowledge);
  expect((await command("cancel", id)).exitCode).toBe(0);
  const finishedAt = expect.stringMatching(/^\d{4}-/);
  expect(await newest()).toMatchObject({ state: "cancelled", finishedAt, moved });
  expect(await waiting()).toBe(moved);
});
