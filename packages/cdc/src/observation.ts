import { type SourceObservation, sourceEvents } from "@centralcloud/central";
import { type Events, type PartObservation, partEvents } from "@centralcloud/service";

/**
 * What happened to the capture of a source's changes. The source has its name, or its place until the name
 * is known; an LSN is written as PostgreSQL writes it.
 */
export type ChangeObservation = { readonly source: string; readonly sourceId?: string } & (
  | {
      readonly event: "capture-slot-created";
      readonly slot: string;
      readonly plugin: string;
      readonly lsn: string;
      /** Why it is not wal2json, where that was tried. */
      readonly fallback?: string;
    }
  /** The slot is being made, and waits for a transaction that is open. */
  | { readonly event: "capture-slot-waiting"; readonly waitsFor: string }
  /** This process reads the slot now. */
  | {
      readonly event: "capture-reading";
      readonly slot: string;
      readonly plugin: string;
      readonly lsn: string;
    }
  /** Another process reads it. */
  | { readonly event: "capture-standing-by"; readonly slot: string }
  | {
      readonly event: "changes-recorded";
      readonly transactions: number;
      readonly changes: number;
      readonly lsn: string;
      readonly ms: number;
    }
  /** The state of the slot, while it is read. */
  | {
      readonly event: "capture-progress";
      readonly slot: string;
      /** Bytes of write-ahead log that the source keeps because of the slot. */
      readonly retainedBytes: number;
      /** Bytes that are not in the change log yet. */
      readonly lagBytes: number;
      readonly lagSeconds: number;
      /** As pg_replication_slots has it: reserved, extended, unreserved or lost. */
      readonly walStatus: string;
    }
  | {
      readonly event: "capture-fault";
      readonly side: "source" | "central";
      readonly code: string;
      readonly error: string;
      readonly retryInMs: number;
    }
  /** Changes are missing, and nothing is captured until an operator recreates the slot. */
  | {
      readonly event: "capture-lost";
      readonly slot: string;
      readonly why: string;
      /** The command that begins anew. */
      readonly remedy: string;
    }
  /** The changes of a table are not captured, because it can't be. The others' are. */
  | { readonly event: "capture-table-refused"; readonly table: string; readonly error: string }
  /** The changes of a table are captured from now on. */
  | { readonly event: "capture-table-added"; readonly table: string }
  /** The publication could not be brought up to date; what it has is captured. */
  | { readonly event: "capture-publication-stale"; readonly error: string }
  | { readonly event: "change-log-trimmed"; readonly partitions: readonly string[] }
);

/** Everything that a capture tells. */
export type CaptureObservation = PartObservation | SourceObservation | ChangeObservation;

/** How each of them is logged. */
export const captureEvents: Events<CaptureObservation> = {
  ...partEvents,
  ...sourceEvents,
  "capture-slot-created": { level: "info" },
  "capture-slot-waiting": { level: "warn" },
  "capture-reading": { level: "info", ends: ["capture-fault", "capture-lost"] },
  "capture-standing-by": { level: "info" },
  "changes-recorded": { level: "debug" },
  "capture-progress": { level: "debug" },
  "capture-fault": {
    level: "error",
    fault: { about: ["source"], reason: ["side", "code", "error"] },
  },
  "capture-lost": { level: "error", fault: { about: ["source"], reason: ["why"] } },
  "capture-table-refused": {
    level: "error",
    fault: { about: ["source", "table"], reason: ["error"] },
  },
  "capture-table-added": { level: "info", ends: ["capture-table-refused"] },
  "capture-publication-stale": { level: "warn", fault: { about: ["source"], reason: ["error"] } },
  "change-log-trimmed": { level: "info" },
};
