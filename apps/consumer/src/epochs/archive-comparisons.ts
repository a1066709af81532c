import {
  type ArchiveCheck,
  type ArchiveCheckResult,
  claimArchiveCheck,
  reportArchiveCheck,
} from "@centralcloud/central";
import { classifyFault } from "@centralcloud/postgres";
import type { Queryable } from "@centralcloud/queue";
import { type Observe, pause, withoutContents } from "@centralcloud/service";
import PQueue from "p-queue";
import type { Pool } from "pg";
import type { ConsumerObservation } from "../observation.ts";
import type { RepeatingTask } from "../repeating-task.ts";
import { compareArchive } from "./compare-archive.ts";
import { type ComparisonTimeouts, concludeComparison, planComparison } from "./plan-comparison.ts";
import { readClock } from "./read-archived.ts";

/** A source whose archives may be compared now. */
export interface ComparableSource {
  readonly sourceId: string;
  readonly name: string;
  readonly connection: Queryable;
}

export interface ArchiveComparisonsOptions {
  readonly central: Pool;
  readonly consumerId: string;
  readonly timeouts: ComparisonTimeouts;
  /** What the store wants compared. */
  readonly checks: () => readonly ArchiveCheck[];
  /** Undefined where the source is not consumed here, or does not answer. */
  readonly sourceOf: (sourceId: string) => ComparableSource | undefined;
  /** Whether the central store is known not to answer. */
  readonly isAway: () => boolean;
  /** Called when the store has taken down what came of one. */
  readonly onResult: (check: ArchiveCheck, result: ArchiveCheckResult) => void;
  readonly observe: Observe<ConsumerObservation>;
}

/** Costs nothing while there is nothing to compare. */
const everyMs = 2_000;

/** How often the claim of a comparison is renewed, which others may claim after half a minute. */
const renewMs = 10_000;

/** How long one waits that another replica has, or that something is missing from, or that can't be compared. */
const againMs = 10_000;

/** One that something is missing from is read again and again: it rests so many times as long as that took, up to this. */
const againRatio = 5;
const longestAgainMs = 600_000;

/** Pages at the same time. */
const atOnce = 2;

/**
 * Compares archives with the ledger where the store wants it: of an archive one replica does it, while the others step
 * over it. What keeps one archive from being compared is kept with it, and keeps no other.
 */
export function archiveComparisons(options: ArchiveComparisonsOptions): RepeatingTask {
  const { checks, sourceOf, isAway } = options;
  /** Not before these moments of the monotonic clock. */
  const notBefore = new Map<string, number>();
  /** Page by page in turn: an archive without end takes nothing from the others but its share. */
  const turns = new PQueue({ concurrency: atOnce });
  const underWay = new Map<string, Promise<void>>();
  let fault: { readonly error: unknown } | undefined;

  async function compare(
    check: ArchiveCheck,
    source: ComparableSource,
    signal: AbortSignal,
  ): Promise<void> {
    const key = keyOf(check);
    try {
      const waitMs = await compareOne(check, source, options, turns, signal);
      notBefore.set(key, performance.now() + waitMs);
    } catch (error) {
      notBefore.set(key, performance.now() + againMs);
      // Its breaker tells of a database that is away; it is compared when it is back.
      if (classifyFault(error).scope !== "database") fault = { error };
    } finally {
      underWay.delete(key);
    }
  }

  return {
    name: "comparison",
    firstAfterMs: 0,
    everyMs,
    async run(signal) {
      const open = checks();
      const keys = new Set(open.map(keyOf));
      for (const key of notBefore.keys()) if (!keys.has(key)) notBefore.delete(key);
      if (isAway()) return;
      for (const check of open) {
        const key = keyOf(check);
        const source = sourceOf(check.sourceId);
        const isLater = performance.now() < (notBefore.get(key) ?? 0);
        if (source === undefined || isLater || underWay.has(key)) continue;
        underWay.set(key, compare(check, source, signal));
      }
      const all = Promise.all(underWay.values());
      await Promise.race([all, pause(everyMs, signal)]);
      if (signal.aborted) await all;
      const { error } = fault ?? {};
      fault = undefined;
      if (error !== undefined) throw error;
    },
  };
}

function keyOf({ sourceId, queue, epochId }: ArchiveCheck): string {
  return `${epochId} ${sourceId} ${queue}`;
}

/**
 * @returns after how many milliseconds to try again.
 * @throws what keeps a database from being asked at all.
 */
async function compareOne(
  { sourceId, queue }: ArchiveCheck,
  { name, connection }: ComparableSource,
  { central, consumerId, timeouts, onResult, observe }: ArchiveComparisonsOptions,
  turns: PQueue,
  signal: AbortSignal,
): Promise<number> {
  const origin = { sourceId, queue };
  // What the store said a moment ago, somebody else may have done meanwhile.
  const claim = async () => await claimArchiveCheck(central, origin, consumerId);
  const check = await turns.add(claim);
  if (check === undefined || signal.aborted) return againMs;
  let claimedAt = performance.now();
  const keep = async () => {
    if (performance.now() - claimedAt < renewMs) return true;
    claimedAt = performance.now();
    return (await claimArchiveCheck(central, origin, consumerId))?.epochId === check.epochId;
  };
  const lane = { source: name, sourceId, queue };
  const report = async (result: ArchiveCheckResult): Promise<void> => {
    if (!(await reportArchiveCheck(central, check, consumerId, result))) return;
    onResult(check, result);
    const { missing, problem } = result;
    if (problem !== null && problem !== check.problem) {
      observe({ event: "archive-uncompared", ...lane, error: problem });
    }
    if (missing !== undefined && check.missing === undefined) {
      observe({ event: "messages-missing", ...lane, ...missing });
    } else if (missing === undefined && check.missing !== undefined) {
      observe({ event: "messages-restored", ...lane });
    }
  };
  try {
    const plan = planComparison(check, await readClock(connection), timeouts);
    if ("dueInMs" in plan) return Math.max(againMs, plan.dueInMs);
    const startedAt = performance.now();
    const from = { source: connection, central, origin, signal, keep, turns };
    const comparison = await compareArchive(plan, from);
    if (comparison !== undefined) await report(concludeComparison(plan, comparison));
    const tookMs = performance.now() - startedAt;
    return Math.min(longestAgainMs, Math.max(againMs, againRatio * tookMs));
  } catch (error) {
    const { scope, message, code } = classifyFault(error);
    if (scope === "database") throw error;
    const { from, until, missing } = check;
    const problem = withoutContents(message, code);
    await report({ from, until, isCompared: false, missing, problem });
  }
  return againMs;
}
