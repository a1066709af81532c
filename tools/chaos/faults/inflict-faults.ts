import { pause } from "@centralcloud/service";
import type { Arena, Fault, PlannedFault } from "./arena.ts";
import { conflictFaults } from "./conflict-faults.ts";
import { networkFaults } from "./network-faults.ts";
import { replicaFaults } from "./replica-faults.ts";
import { serverFaults } from "./server-faults.ts";
import { statementFaults } from "./statement-faults.ts";

const faults: ReadonlyMap<string, Fault> = new Map(
  Object.entries({
    ...replicaFaults,
    ...serverFaults,
    ...networkFaults,
    ...statementFaults,
    ...conflictFaults,
  }),
);

export const faultKinds: readonly string[] = [...faults.keys()];

/** How often each kind was done, and how often another fault got in its way. */
export type FaultCounts = Map<string, { done: number; thwarted: number }>;

/**
 * Does each fault at its time; those that last overlap. Resolves when the last has ended.
 */
export async function inflictFaults(
  arena: Arena,
  schedule: readonly PlannedFault[],
): Promise<FaultCounts> {
  const counts: FaultCounts = new Map();
  const startedAt = performance.now();
  const underWay: Promise<void>[] = [];
  for (const planned of schedule) {
    await pause(startedAt + planned.atMs - performance.now(), arena.signal);
    if (arena.signal.aborted) break;
    arena.narrate(planned.kind);
    underWay.push(inflict(arena, planned, counts));
  }
  await Promise.all(underWay);
  return counts;
}

async function inflict(arena: Arena, planned: PlannedFault, counts: FaultCounts): Promise<void> {
  const count = counts.get(planned.kind) ?? { done: 0, thwarted: 0 };
  counts.set(planned.kind, count);
  try {
    await faults.get(planned.kind)?.(arena, planned);
    count.done += 1;
  } catch (error) {
    count.thwarted += 1;
    arena.narrate(`${planned.kind}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
