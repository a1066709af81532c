import { routes } from "@centralcloud/consumer";
import type { Observation } from "./observation.ts";

/** What this run's consumer has done with the messages of one queue, all sources together. */
export interface QueueTotals {
  readonly merged: number;
  readonly duplicates: number;
  readonly deadLettered: number;
}

export interface Totals {
  /** A sink of observations. */
  observe(observation: Observation): void;
  of(queue: string): QueueTotals;
}

export function createTotals(): Totals {
  const none = { merged: 0, duplicates: 0, deadLettered: 0 };
  const byQueue = new Map(routes.map((queue) => [queue as string, { ...none }]));
  return {
    observe(observation) {
      if (!("queue" in observation)) return;
      const totals = byQueue.get(observation.queue);
      if (totals === undefined) return;
      if (observation.event === "batch-merged") {
        totals.merged += observation.merged;
        totals.duplicates += observation.duplicates;
      }
      if (observation.event === "message-dead-lettered") totals.deadLettered += 1;
    },
    of: (queue) => byQueue.get(queue) ?? none,
  };
}
