import { type CaptureObservation, captureEvents } from "@centralcloud/cdc";
import { type SourceObservation, sourceEvents } from "@centralcloud/central";
import { type LaneObservation, type ListenerObservation, laneEvents } from "@centralcloud/lane";
import { type Events, type PartObservation, partEvents } from "@centralcloud/service";

/** What happened to a replica as a whole, or to one of its databases. Durations are in milliseconds. */
export type ReplicaObservation =
  /** A database does not work: `database` is a source's name, or `central`. */
  | {
      readonly event: "database-fault";
      readonly database: string;
      readonly sourceId?: string;
      readonly kind: string;
      readonly code: string;
      readonly error: string;
      readonly retryInMs: number;
    }
  | {
      readonly event: "database-recovered";
      readonly database: string;
      readonly sourceId?: string;
      readonly downMs: number;
    }
  | {
      readonly event: "ledger-pruned";
      readonly source: string;
      readonly sourceId: string;
      readonly queue: string;
      readonly count: number;
    }
  /**
   * The central store may have lost transactions, or no consumer was at work: the sources' archives are compared with
   * its ledger.
   */
  | { readonly event: "epoch-began"; readonly epoch: number; readonly reason: string }
  /** Messages are archived and not in the central store. */
  | {
      readonly event: "messages-missing";
      readonly source: string;
      readonly sourceId: string;
      readonly queue: string;
      /** When the oldest was archived, by the source's clock. */
      readonly since: string;
      readonly count: number;
      /** Not all of them were counted. */
      readonly isAtLeast: boolean;
    }
  /** None of them is missing any more. */
  | {
      readonly event: "messages-restored";
      readonly source: string;
      readonly sourceId: string;
      readonly queue: string;
    }
  /** An archive can't be compared with the ledger, or some of it can't. */
  | {
      readonly event: "archive-uncompared";
      readonly source: string;
      readonly sourceId: string;
      readonly queue: string;
      readonly error: string;
    }
  | {
      readonly event: "upkeep-fault";
      readonly task: string;
      /** Whose, where it is about one source. */
      readonly sourceId?: string;
      readonly error: string;
    }
  /** The first run that did its work after `failures` that did not. */
  | {
      readonly event: "upkeep-recovered";
      readonly task: string;
      readonly sourceId?: string;
      readonly failures: number;
      readonly downMs: number;
    }
  | { readonly event: "export-failed"; readonly what: "spans"; readonly error: string }
  | { readonly event: "export-recovered"; readonly what: "spans" }
  /** What metrics say of a database grows old from now on. */
  | {
      readonly event: "look-failed";
      readonly database: string;
      readonly what: string;
      readonly error: string;
    }
  | { readonly event: "look-recovered"; readonly database: string; readonly what: string };

/** Everything that the consumer tells, and the capture that may run in its process. */
export type ConsumerObservation =
  | PartObservation
  | ReplicaObservation
  | SourceObservation
  | CaptureObservation
  | ListenerObservation
  | LaneObservation;

/** How each of them is logged. */
export const consumerEvents: Events<ConsumerObservation> = {
  ...partEvents,
  ...sourceEvents,
  ...captureEvents,
  ...laneEvents,
  "database-fault": { level: "error", fault: { about: ["database"], reason: ["kind", "code"] } },
  "database-recovered": { level: "info", ends: ["database-fault"] },
  "ledger-pruned": { level: "info" },
  "epoch-began": { level: "info" },
  "messages-missing": { level: "error" },
  "messages-restored": { level: "info" },
  "archive-uncompared": { level: "warn" },
  "upkeep-fault": { level: "error", fault: { about: ["task"], reason: ["error"] } },
  "upkeep-recovered": { level: "info", ends: ["upkeep-fault"] },
  "export-failed": { level: "warn", fault: { about: ["what"], reason: ["error"] } },
  "export-recovered": { level: "info", ends: ["export-failed"] },
  "look-failed": { level: "warn", fault: { about: ["database", "what"], reason: ["error"] } },
  "look-recovered": { level: "info", ends: ["look-failed"] },
};
