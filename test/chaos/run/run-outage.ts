import { queueNames } from "@centralcloud/contracts";
import { pause } from "@centralcloud/service";
import { sendLoad } from "../load/send-load.ts";
import type { Judgement } from "../oracle/judge.ts";
import type { Tally } from "../replicas/replica-log.ts";
import type { ChaosDatabase } from "../servers/chaos-database.ts";
import type { ChaosPlan } from "./plan.ts";
import { closeStage, type Narrate, totalTally } from "./run-chaos.ts";
import { onStage, type Stage } from "./stage.ts";
import { untilConsumed } from "./until-consumed.ts";

export interface OutageReport {
  readonly plan: ChaosPlan;
  readonly differences: readonly string[];
  readonly judgement: Judgement;
  readonly tally: Tally;
  /** How many messages waited when the central database came back. */
  readonly backlog: number;
  /** From the server's start to the first merge that is seen; at most what is allowed, see `differences`. */
  readonly firstMergeS: number;
  /** From the server's start until all queues were empty. */
  readonly recoveredS: number;
  readonly durationMs: number;
}

/** What the interface promises. */
const mostSecondsToFirstMerge = 5;

/**
 * The central database is stopped during load and stays down. It must cost nothing but time: no
 * attempt, no dead letter, and work goes on by itself within seconds of its return. Sends no poison.
 */
export function runOutage(
  plan: ChaosPlan,
  narrate: Narrate = () => {},
  signal: AbortSignal = new AbortController().signal,
): Promise<OutageReport> {
  return onStage(
    { ...plan, poisonShare: 0, killers: 0, dawdleMs: 0 },
    narrate,
    signal,
    async (stage) => {
      const startedAt = performance.now();
      const beforeMs = plan.outageMs / 4;
      const sending = sendLoad({
        ...plan,
        ...stage,
        sources: stage.databases.sources,
        // Until a moment after its return, so that old and new messages meet.
        durationMs: beforeMs + plan.outageMs * 1.25,
      });
      const { central } = stage.databases;
      await pause(beforeMs, signal);
      await untilSomethingIsMerged(central, signal);
      narrate("the central database is stopped");
      await central.server.stop("fast");
      await pause(plan.outageMs, signal);
      await expectNoBlame(stage, "during the outage");
      const backlog = await countQueued(stage);
      narrate(`it is started again; ${backlog} messages wait`);
      await central.server.start();
      const firstMergeS = await secondsToFirstMerge(central, signal);
      await expectNoBlame(stage, "after the outage");
      const attempts = await central.query("select from central.delivery_failures");
      if (attempts.length > 0)
        stage.complain(`the outage was counted as ${attempts.length} attempts`);
      await sending;
      const left = await untilConsumed(stage);
      const recoveredS = await secondsSinceStart(central);
      if (firstMergeS > mostSecondsToFirstMerge) {
        stage.complain(
          `the first merge came ${firstMergeS.toFixed(1)} s after the server's start; ${mostSecondsToFirstMerge} s are allowed`,
        );
      }
      const closed = await closeStage(stage, left);
      const tally = totalTally(stage);
      const durationMs = performance.now() - startedAt;
      return { plan, ...closed, tally, backlog, firstMergeS, recoveredS, durationMs };
    },
  );
}

async function untilSomethingIsMerged(central: ChaosDatabase, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const [merged] = await central.query("select from central.processed_messages limit 1");
    if (merged !== undefined) return;
    await pause(50, signal);
  }
}

/** By the server's own clock, from when its process began; so recovery counts against us. */
async function secondsToFirstMerge(central: ChaosDatabase, signal: AbortSignal): Promise<number> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline && !signal.aborted) {
    const [row] = await central.queryPatiently<{ merged: boolean }>(
      `select exists (
         select from central.processed_messages p
          where p.processed_at > pg_postmaster_start_time()) as merged`,
    );
    if (row?.merged) break;
    await pause(20, signal);
  }
  return secondsSinceStart(central);
}

async function secondsSinceStart(central: ChaosDatabase): Promise<number> {
  const [row] = await central.queryPatiently<{ seconds: number }>(
    "select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 as seconds",
  );
  return row?.seconds ?? Number.NaN;
}

async function expectNoBlame({ databases, complain }: Stage, when: string): Promise<void> {
  for (const { database } of databases.sources) {
    for (const queue of queueNames) {
      const letters = await database.query<{ reason: string }>(
        `select message ->> 'reason' as reason from pgmq."q_${queue}-dlq"`,
      );
      if (letters.length === 0) continue;
      complain(`${letters.length} dead letters (${letters[0]?.reason}) of ${queue} ${when}`);
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
