import type { Random } from "../load/random.ts";
import type { ConsumerSettings, Replicas } from "../replicas/start-replicas.ts";
import type { Databases } from "../servers/prepare-databases.ts";

/** What faults are done to. */
export interface Arena {
  readonly databases: Databases;
  readonly replicas: Replicas["all"];
  readonly settings: ConsumerSettings;
  /** Aborted when the run is given up: faults then end at once. */
  readonly signal: AbortSignal;
  /** Told what happens, in a few words. */
  readonly narrate: (line: string) => void;
  /** A fault found that something does not behave as it must. */
  complain(finding: string): void;
}

/** One fault of a schedule. */
export interface PlannedFault {
  readonly kind: string;
  /** After the start of the run. */
  readonly atMs: number;
  /** How long it lasts, where it lasts; from 0 to 1, between the shortest and the longest of its kind. */
  readonly length: number;
  /** A stream of its own for what else it draws, so that faults do not depend on each other's draws. */
  random(): Random;
}

/**
 * Does one fault from its beginning to its end, and leaves nothing of it behind. Rejects where another
 * fault got in its way, as a statement for a server that is down does.
 */
export type Fault = (arena: Arena, fault: PlannedFault) => Promise<void>;

/** @returns a length between both, in milliseconds */
export function lengthOf({ length }: PlannedFault, shortestMs: number, longestMs: number): number {
  return Math.round(shortestMs + length * (longestMs - shortestMs));
}
