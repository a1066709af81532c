import type { Breaker } from "@centralcloud/lane";
import type { Queryable } from "@centralcloud/queue";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { Pool } from "pg";
import type { ConsumerConfiguration } from "../configuration.ts";
import type { ConsumerObservation } from "../observation.ts";
import { createRepeatingTask } from "../repeating-task.ts";
import type { ClockReading } from "../source-identity.ts";
import { queryTimeoutMs } from "../source-sessions.ts";
import { archiveComparisons, type ComparableSource } from "./archive-comparisons.ts";
import { createEpochWatch } from "./epoch-watch.ts";
import type { ComparisonTimeouts } from "./plan-comparison.ts";

/** Messages of one queue of a source that are archived and not in the central store. */
export interface MissingReport {
  /** The source's name. */
  readonly source: string;
  readonly sourceId: string;
  readonly queue: string;
  /** When the oldest of them was archived, by the source's clock, in ISO 8601. */
  readonly since: string;
  readonly messages: number;
  /** Not all of them were counted. */
  readonly isAtLeast: boolean;
}

/** An archive that has to be compared with the ledger, and what keeps some of it from that. */
export interface UncomparedReport {
  readonly source: string;
  readonly queue: string;
  readonly reason: string;
}

/** A source of this process. */
interface Source {
  readonly source: string;
  readonly sourceId: string | undefined;
  readonly clock: ClockReading | undefined;
  readonly breaker: Breaker;
  readonly watch: Queryable;
}

export interface EpochPartsOptions {
  readonly configuration: ConsumerConfiguration;
  readonly central: Pool;
  readonly heartbeatPool: Pool;
  readonly consumerId: string;
  readonly sources: () => readonly Source[];
  /** Whether the central store is known not to answer. */
  readonly isAway: () => boolean;
  readonly observe: Observe<ConsumerObservation>;
}

export interface EpochParts extends Part {
  /** What happens in the lanes goes through here. */
  readonly observe: Observe<ConsumerObservation>;
  /** What health says of sources of this process. */
  report(): { readonly missing?: MissingReport[]; readonly uncompared?: UncomparedReport[] };
}

/** A batch whose lease is longer is archived at once nevertheless, unless its source is away for so long. */
const longestLeaseMs = 300_000;

/** For what comes on top: the way there, and the way of the answer. */
const spareMs = 5_000;

function timeoutsOf(configuration: ConsumerConfiguration): ComparisonTimeouts {
  const leaseMs = Math.min(configuration.visibilityTimeoutS * 1_000, longestLeaseMs);
  const statementMs = Math.min(queryTimeoutMs(configuration), longestLeaseMs);
  return { leaseMs: leaseMs + spareMs, statementMs: statementMs + spareMs };
}

/** Notices a central store that lost transactions, and finds out which messages it lacks. */
export function createEpochParts(options: EpochPartsOptions): EpochParts {
  const { configuration, central, heartbeatPool, consumerId, sources, isAway, observe } = options;
  const watch = createEpochWatch({
    central: heartbeatPool,
    consumerId,
    sources: () =>
      sources().flatMap(({ sourceId, clock }) =>
        sourceId === undefined ? [] : [{ sourceId, clock }],
      ),
    isAway,
    observe,
  });
  const comparisons = archiveComparisons({
    central,
    consumerId,
    timeouts: timeoutsOf(configuration),
    checks: () => watch.checks,
    sourceOf: comparable,
    isAway,
    onResult: watch.note,
    observe,
  });
  const parts = [
    createRepeatingTask(watch.task, observe),
    createRepeatingTask(comparisons, observe),
  ];

  function comparable(sourceId: string): ComparableSource | undefined {
    const source = sources().find((one) => one.sourceId === sourceId);
    if (source === undefined || source.breaker.fault !== undefined) return undefined;
    return { sourceId, name: source.source, connection: source.watch };
  }

  const part = definePart({
    name: "epochs",
    async start() {
      for (const one of parts) await one.start();
    },
    async stop(graceMs) {
      await Promise.all(parts.map((one) => one.stop(graceMs)));
    },
  });
  return {
    ...part,
    observe(observation) {
      watch.observe(observation);
      observe(observation);
    },
    report() {
      const names = new Map(sources().map(({ sourceId, source }) => [sourceId, source]));
      const known = watch.checks.flatMap((check) => {
        const source = names.get(check.sourceId);
        return source === undefined ? [] : [{ ...check, source }];
      });
      const missing = known.flatMap(({ source, sourceId, queue, missing }): MissingReport[] => {
        if (missing === undefined) return [];
        const { since, count: messages, isAtLeast } = missing;
        return [{ source, sourceId, queue, since, messages, isAtLeast }];
      });
      const uncompared = known.flatMap(({ source, queue, problem }): UncomparedReport[] =>
        problem === null ? [] : [{ source, queue, reason: problem }],
      );
      return {
        ...(missing.length === 0 ? {} : { missing }),
        ...(uncompared.length === 0 ? {} : { uncompared }),
      };
    },
  };
}
