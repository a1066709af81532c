import { type Events, type PartObservation, partEvents } from "@centralcloud/service";

/** What a worker does with the actions of operators whose runner is gone. `action` is the number of one. */
export type ActionObservation =
  | {
      readonly event: "action-continued";
      readonly action: string;
      readonly kind: string;
      /** Messages that were moved until then. */
      readonly moved: number;
    }
  /** Nobody works on it here any more; `state` says whether it is at its end. */
  | {
      readonly event: "action-ended";
      readonly action: string;
      readonly kind: string;
      readonly state: string;
      readonly moved: number;
      readonly remaining: number;
    }
  | { readonly event: "action-not-continued"; readonly action: string; readonly reason: string }
  /** The central store could not be asked which actions wait. */
  | { readonly event: "actions-fault"; readonly error: string; readonly retryInMs: number }
  /** It answers again. */
  | { readonly event: "actions-recovered"; readonly downMs: number };

/** Everything that a worker tells. */
export type WorkerObservation = PartObservation | ActionObservation;

/** How each of them is logged. */
export const workerEvents: Events<WorkerObservation> = {
  ...partEvents,
  "action-continued": { level: "info" },
  "action-ended": { level: "info" },
  "action-not-continued": { level: "warn" },
  "actions-fault": { level: "error", fault: { about: [], reason: ["error"] } },
  "actions-recovered": { level: "info", ends: ["actions-fault"] },
};
