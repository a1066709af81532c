import { queueNames } from "@centralcloud/contracts";
import { pause } from "@centralcloud/service";
import { sendLoad } from "../load/send-load.ts";
import type { CheckResult } from "../oracle/judge.ts";
import type { Tally } from "../replicas/replica-log.ts";
import type { ChaosDatabase } from "../servers/chaos-database.ts";
import { interruptions } from "./interruption.ts";
import type { ChaosPlan } from "./plan.ts";
import { closeStage, type Narrate, totalTally } from "./run-chaos.ts";
import { onStage, type Stage } from "./stage.ts";
import { untilConsumed } from "./until-consumed.ts";

export type OutageKind = keyof typeof interruptions;

export interface OutageReport {
  readonly kind: OutageKind;
  readonly plan: ChaosPlan;
  readonly differences: readonly string[];
  readonly checkResult: CheckResult;
  readonly tally: Tally;
  /** How many messages waited when the central database came back. */
  readonly backlog: number;
  /** From its return to the first merge that is seen; what is too long is among the differences. */
  readonly firstMergeS: number;
  /** From its return until all queues were empty. */
  readonly recoveredS: number;
  readonly durationMs: number;
}

/** What the interface promises. */
const mostSecondsToFirstMerge = 5;

/**
 * The central database goes away during load and stays away. It must cost nothing but time: no attempt,
 * no dead letter, and work continues by itself within seconds of its return. Sends no bad message.
 */
export function runOutage(
  kind: OutageKind,
  plan: ChaosPlan,
  narrate: Narrate = () => {},
  signal?: AbortSignal,
): Promise<OutageReport> {
  const undisturbed = { ...plan, badShare: 0, poisonMessages: 0, dawdleMs: 0 };
  return onStage(undisturbed, narrate, signal, async (stage) => {
    const startedAt = performance.now();
    const beforeMs = plan.outageMs / 4;
    // Until a moment after its return, so that old and new messages meet.
    const durationMs = beforeMs + plan.outageMs * 1.25;
    const { databases } = stage;
    const sending = sendLoad({ ...plan, ...stage, sources: databases.sources, durationMs });
    const [, after] = await Promise.all([sending, interrupt(kind, stage, beforeMs)]);
    const left = await untilConsumed(stage);
    const recoveredS = await secondsSince(databases.central, after.back);
    const { firstMergeS, backlog } = after;
    if (firstMergeS > mostSecondsToFirstMerge) {
      stage.complain(
        `the first merge came ${firstMergeS.toFixed(1)} s after the central database was back; ${mostSecondsToFirstMerge} s are allowed`,
      );
    }
    const closed = await closeStage(stage, left);
    const ranMs = performance.now() - startedAt;
    const tally = totalTally(stage);
    return { kind, plan, ...closed, tally, backlog, firstMergeS, recoveredS, durationMs: ranMs };
  });
}

async function interrupt(kind: OutageKind, stage: Stage, beforeMs: number) {
  const { plan, signal, narrate, complain } = stage;
  const { central } = stage.databases;
  await pause(beforeMs, signal);
  await untilMergedSince(central, "-infinity", signal);
  narrate("the central database goes away");
  await interruptions[kind].begin(stage);
  await pause(plan.outageMs, signal);
  await expectNoDeadLetters(stage, "during the outage");
  const backlog = await countQueued(stage);
  const back = await interruptions[kind].end(stage);
  narrate(`it is back; ${backlog} messages wait`);
  await untilMergedSince(central, back, signal);
  const firstMergeS = await secondsSince(central, back);
  await expectNoDeadLetters(stage, "after the outage");
  const attempts = await central.query("select from central.delivery_failures");
  if (attempts.length > 0) complain(`the outage was counted as ${attempts.length} attempts`);
  return { backlog, back, firstMergeS };
}

const mergeTimeoutMs = 60_000;

async function untilMergedSince(
  central: ChaosDatabase,
  back: string,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + mergeTimeoutMs;
  while (performance.now() < deadline && !signal.aborted) {
    const [row] = await central.queryUntilAnswered<{ merged: boolean }>(
      `select exists (
         select from central.processed_messages p
          where p.processed_at > $1::timestamptz) as merged`,
      [back],
    );
    if (row?.merged) return;
    await pause(20, signal);
  }
}

async function secondsSince(central: ChaosDatabase, back: string): Promise<number> {
  const [row] = await central.queryUntilAnswered<{ seconds: number }>(
    "select extract(epoch from clock_timestamp() - $1::timestamptz)::float8 as seconds",
    [back],
  );
  return row?.seconds ?? Number.NaN;
}

async function expectNoDeadLetters({ databases, complain }: Stage, when: string): Promise<void> {
  for (const { database, name } of databases.sources) {
    for (const queue of queueNames) {
      const deadLetters = await database.query<{ reason: string }>(
        `select message ->> 'reason' as reason from pgmq."q_${queue}-dlq"`,
      );
      if (deadLetters.length === 0) continue;
      complain(
        `${name} has ${deadLetters.length} dead letters (${deadLetters[0]?.reason}) ${when}`,
      );
    }
  }
}

async function countQueued({ databases }: Stage): Promise<number> {
  let total = 0;
  for (const { database } of databases.sources) {
    for (const queue of queueNames) {
      const [row] = await database.query<{ count: number }>(
        `select count(*)::integer as count from pgmq."q_${queue}"`,
      );
      total += row?.count ?? 0;
    }
  }
  return total;
}
