import type { FaultCounts } from "../faults/inflict-faults.ts";
import { faultKinds, inflictFaults } from "../faults/inflict-faults.ts";
import { killMergers } from "../faults/kill-mergers.ts";
import { scheduleFaults } from "../faults/schedule.ts";
import { sendLoad } from "../load/send-load.ts";
import { type CheckResult, judge } from "../oracle/judge.ts";
import { emptyTally, type Tally } from "../replicas/replica-log.ts";
import { endReplicas } from "./end-replicas.ts";
import type { ChaosPlan } from "./plan.ts";
import { onStage, type Stage } from "./stage.ts";
import { untilConsumed } from "./until-consumed.ts";

export interface ChaosReport {
  readonly plan: ChaosPlan;
  /** All that is wrong, in words; empty where every message had its effect once, and nothing else. */
  readonly differences: readonly string[];
  readonly checkResult: CheckResult;
  readonly faults: FaultCounts;
  /** How many processes each message that kills them has killed, by its agent. */
  readonly kills: ReadonlyMap<string, number>;
  /** What the replicas' logs say together. */
  readonly tally: Tally;
  /** From the first message to the last one's end. */
  readonly durationMs: number;
  /** From the end of the last fault, and of sending, until all queues were empty. */
  readonly aftermathMs: number;
}

export type Narrate = (line: string) => void;

/** Load and faults together, until all is consumed; then the check result. */
export function runChaos(
  plan: ChaosPlan,
  narrate: Narrate = () => {},
  signal?: AbortSignal,
): Promise<ChaosReport> {
  return onStage(plan, narrate, signal, async (stage) => {
    const startedAt = performance.now();
    const calm = new AbortController();
    const schedule = scheduleFaults({
      seed: plan.seed,
      // Not before there is something to disturb.
      fromMs: plan.faultEveryMs.least,
      untilMs: plan.loadMs,
      everyMs: plan.faultEveryMs,
      kinds: faultKinds.filter((kind) => kind.includes(plan.faults)),
    });
    const killing = killMergers(stage, calm.signal);
    try {
      const [faults] = await Promise.all([
        inflictFaults(stage, schedule),
        sendLoad({ ...plan, ...stage, sources: stage.databases.sources, durationMs: plan.loadMs }),
      ]);
      const lastFaultAt = performance.now();
      narrate("all faults are over, and all messages sent");
      const left = await untilConsumed(stage);
      const endedAt = performance.now();
      calm.abort();
      const kills = await killing;
      const { checkResult, differences } = await closeStage(stage, left);
      return {
        plan,
        differences,
        checkResult,
        faults,
        kills,
        tally: totalTally(stage),
        durationMs: endedAt - startedAt,
        aftermathMs: endedAt - lastFaultAt,
      };
    } finally {
      calm.abort();
      await killing;
    }
  });
}

/** Stops the replicas, so that nothing moves any more, and judges. */
export async function closeStage(
  stage: Stage,
  left: readonly string[],
): Promise<{ checkResult: CheckResult; differences: readonly string[] }> {
  stage.signal.throwIfAborted();
  await endReplicas(stage);
  const { load, databases, plan } = stage;
  const checkResult = await judge({ load, databases, maxAttempts: plan.maxAttempts });
  return { checkResult, differences: [...stage.findings, ...left, ...checkResult.differences] };
}

export function totalTally({ replicas }: Stage): Tally {
  const total = emptyTally();
  for (const { log } of replicas) {
    total.merged += log.tally.merged;
    total.duplicates += log.tally.duplicates;
    addCounts(total.events, log.tally.events);
    addCounts(total.faultCodes, log.tally.faultCodes);
  }
  return total;
}

function addCounts(to: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [name, count] of from) to.set(name, (to.get(name) ?? 0) + count);
}
