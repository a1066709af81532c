import { listActions } from "@centralcloud/central";
import { afterEach, expect, test } from "vitest";
import { environmentOf, type RunningCommand, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { why } from "../support/dead-letter-commands.ts";
import { emptyQueues, patterns, putDeadLetters } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

/*
 * A short form is part of the suite. The whole: DLQ_KILLS_LETTERS=200000 DLQ_KILLS_EVERY_MS=3000 npx vitest run kills
 */
const deadLetters = Number(process.env.DLQ_KILLS_DEAD_LETTERS ?? 6_000);
const everyMs = Number(process.env.DLQ_KILLS_EVERY_MS ?? 700);
const isLong = deadLetters > 10_000;
/** So that each operator is killed several times before the end. */
const rate = String(Math.ceil(deadLetters / (isLong ? 30 : 4)));

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));

const count = async (table: string, where = "true") => {
  const { rows } = await system.singularity.pool.query<{ count: number }>(
    `select count(*)::integer as count from pgmq."${table}" q where ${where}`,
  );
  return rows[0]?.count ?? 0;
};

test("dead letters that two operators replay while they are killed again and again are sent once each, and each action's figures are right to the letter", {
  timeout: 900_000,
}, async () => {
  await putDeadLetters(system.singularity, deadLetters);
  const running = new Set<RunningCommand>();
  const start = (...words: string[]) => {
    const command = startCommand(words, environmentOf(system));
    running.add(command);
    command.finished.then(() => running.delete(command));
  };
  const replay = (actor: string) =>
    start("dlq", "replay", "--all", "--rate", rate, ...why, "--actor", actor);
  replay("ann@desk");
  replay("bob@desk");
  await until("both have begun", async () => {
    const actions = await listActions(system.central.pool, { limit: 9 });
    return actions.length === 2 && actions.every(({ moved }) => moved > 0);
  });
  for (let kills = 0; ; kills++) {
    const actions = await listActions(system.central.pool, { limit: 9 });
    if (actions.every(({ state }) => state === "done")) {
      expect(kills).toBeGreaterThan(2);
      break;
    }
    if (kills < (isLong ? 40 : 5)) for (const { child } of running) child.kill("SIGKILL");
    await Promise.all([...running].map(({ finished }) => finished));
    // The whole form waits for leases as operators do.
    if (!isLong) {
      await system.central.pool.query(
        "update central.operator_actions set lease_until = clock_timestamp() - interval '1 s' where lease_until is not null",
      );
    }
    // Two at once, as two operators would: each gets one of the actions, or both the same.
    start("actions", "resume");
    start("actions", "resume");
    await new Promise((done) => setTimeout(done, everyMs));
  }
  await Promise.all([...running].map(({ finished }) => finished));

  expect(await count(`q_${patterns}-dlq`)).toBe(0);
  const { rows } = await system.singularity.pool.query(
    `select count(*)::integer as sent, count(distinct q.message)::integer as messages from pgmq."q_${patterns}" q`,
  );
  expect(rows).toEqual([{ sent: deadLetters, messages: deadLetters }]);
  const actions = await listActions(system.central.pool, { limit: 9 });
  for (const { id, moved, remaining, state } of actions) {
    const archived = await count(
      `a_${patterns}-dlq`,
      `q.headers ->> 'action_id' = '${id}' and q.headers ->> 'new_msg_id' is not null`,
    );
    expect({ state, moved, remaining }).toEqual({ state: "done", moved: archived, remaining: 0 });
  }
  expect(actions.reduce((sum, { moved }) => sum + moved, 0)).toBe(deadLetters);
});
