/**
 * Everything observable that happens, as one union. Code that does something calls `observe` with
 * one of these; logs, metrics and traces are sinks of them and the only places that format them.
 *
 * No observation holds a message's content, a database URL or a secret.
 */
export type Observation =
  | { readonly event: "part-started"; readonly part: string; readonly detail?: string }
  | { readonly event: "part-stopped"; readonly part: string }
  | { readonly event: "stop-requested"; readonly signal: string }
  | MigrationObservation
  | LaneObservation;

export type MigrationObservation =
  | { readonly event: "migration-applied"; readonly database: string; readonly migration: string }
  | { readonly event: "objects-applied"; readonly database: string; readonly count: number }
  | { readonly event: "pgmq-installed"; readonly version: string; readonly how: string };

/** Which lane: a source's name and a queue of it. */
export interface LaneName {
  readonly source: string;
  readonly queue: string;
}

/** What happened in a lane. Durations are in milliseconds. */
export type LaneObservation = LaneName &
  (
    | {
        readonly event: "batch-read";
        readonly count: number;
        readonly bytes: number;
        readonly ms: number;
      }
    | {
        readonly event: "batch-merged";
        readonly merged: number;
        readonly duplicates: number;
        readonly ms: number;
      }
    | { readonly event: "batch-archived"; readonly count: number; readonly ms: number }
    | {
        readonly event: "message-dead-lettered";
        readonly msgId: string;
        readonly reason: string;
        readonly code: string;
        readonly error: string;
      }
    | { readonly event: "messages-released"; readonly count: number; readonly why: ReleaseCause }
    | { readonly event: "lease-lost"; readonly count: number; readonly lateMs: number }
    | {
        readonly event: "lane-fault";
        readonly side: "source" | "central";
        readonly fault: string;
        readonly code: string;
        readonly error: string;
        readonly retryInMs: number;
      }
    | {
        readonly event: "lane-recovered";
        readonly side: "source" | "central";
        readonly downMs: number;
      }
  );

/** Why messages went back to their queue without a verdict. */
export type ReleaseCause = "fault" | "retry" | "shutdown" | "memory-budget";

export type Observe = (observation: Observation) => void;
