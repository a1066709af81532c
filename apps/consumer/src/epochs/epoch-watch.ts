import {
  type ArchiveCheck,
  type ArchiveCheckResult,
  confirmEpoch,
  type EpochConfirmation,
} from "@centralcloud/central";
import { classifyFault, cutIdleConnections } from "@centralcloud/postgres";
import type { Observation, Observe } from "@centralcloud/service";
import type { Pool } from "pg";
import type { RepeatingTask } from "../repeating-task.ts";
import { routes } from "../routes.ts";
import type { ClockReading } from "../source-identity.ts";

/** A source whose id is known. */
export interface WatchedSource {
  readonly sourceId: string;
  readonly clock: ClockReading | undefined;
}

export interface EpochWatchOptions {
  /** Of the heartbeat, so that a quiet replica needs no other connection. */
  readonly central: Pool;
  readonly consumerId: string;
  readonly sources: () => readonly WatchedSource[];
  /** Whether the central store is known not to answer. */
  readonly isAway: () => boolean;
  readonly observe: Observe;
}

export interface EpochWatch {
  /** Confirms the epoch again and again. */
  readonly task: RepeatingTask;
  /** Archives that are to be compared, or from which something is missing, as the store said last. */
  readonly checks: readonly ArchiveCheck[];
  /** Notes what came of one of them, before the store says so. */
  note(check: ArchiveCheck, result: ArchiveCheckResult): void;
  /** Has to see what happens in the lanes. */
  readonly observe: Observe;
}

/** One statement each time, whatever the number of sources. */
const everyMs = 10_000;

/** Most sources are connected by then, so that the first confirmation has their clocks. */
const sourcesConnectMs = 1_000;

/** A store that is slower than this has a problem. */
const answerMs = 3_000;

/**
 * Remembers what the central store acknowledged last, and asks it again and again whether it still knows: a store that
 * lost transactions (a failover to an asynchronous standby, a restored backup) does not, or says that its server is
 * another one. Tells it the clocks of sources in which something was archived, so that it knows until when their
 * archives are in it.
 */
export function createEpochWatch(options: EpochWatchOptions): EpochWatch {
  const { central, consumerId, sources, isAway, observe } = options;
  let beat = 0;
  let epochId: number | undefined;
  let checks: readonly ArchiveCheck[] = [];
  /** Moments of the monotonic clock, by the ids of sources. */
  const archivedAt = new Map<string, number>();
  const toldAt = new Map<string, number>();

  /** Of sources in which something was archived after the reading that was told last, and of those that are new. */
  function readingsToTell(): ReadonlyMap<string, ClockReading> {
    const readings = new Map<string, ClockReading>();
    for (const { sourceId, clock } of sources()) {
      if (clock === undefined) continue;
      const told = toldAt.get(sourceId);
      const isFresh = clock.readAt > (told ?? Number.NEGATIVE_INFINITY);
      const hasArchived = (archivedAt.get(sourceId) ?? 0) > (told ?? 0);
      if (told === undefined || (isFresh && hasArchived)) readings.set(sourceId, clock);
    }
    return readings;
  }

  async function confirm(): Promise<EpochConfirmation | undefined> {
    const readings = readingsToTell();
    const clocks = Object.fromEntries([...readings].map(([id, { time }]) => [id, time]));
    const told = await confirmEpoch(central, consumerId, beat, clocks, routes, answerMs);
    if (told === undefined) return undefined;
    beat = told.beat;
    for (const [sourceId, { readAt }] of readings) toldAt.set(sourceId, readAt);
    // A store that lost something may have lost what it was told of sources in which nothing happens now.
    if (told.epochId !== epochId) toldAt.clear();
    epochId = told.epochId;
    return told;
  }

  return {
    task: {
      name: "epoch",
      firstAfterMs: sourcesConnectMs,
      everyMs,
      async run() {
        if (isAway()) return;
        try {
          const told = await confirm();
          checks = told?.checks ?? [];
          if (told?.isNew) {
            observe({ event: "epoch-began", epoch: told.epochId, reason: told.reason });
          }
        } catch (error) {
          cutIdleConnections(central);
          // The heartbeat tells of a store that is away.
          if (classifyFault(error).scope !== "database") throw error;
        }
      },
    },
    get checks() {
      return checks;
    },
    note({ sourceId, queue, epochId }, { from, ...result }) {
      checks = checks.flatMap((one): ArchiveCheck[] => {
        const isIt = one.sourceId === sourceId && one.queue === queue && one.epochId === epochId;
        if (!isIt) return [one];
        return from === null
          ? []
          : [{ ...one, ...result, from, isCompared: one.isCompared || result.isCompared }];
      });
    },
    observe(observation: Observation) {
      if (observation.event !== "batch-archived" || observation.sourceId === undefined) return;
      archivedAt.set(observation.sourceId, performance.now());
    },
  };
}
