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
  /** The process is ended by force now, with exit code 1; what it had not closed. */
  | { readonly event: "stop-overdue"; readonly open: readonly string[] }
  | MigrationObservation
  | SchedulerObservation
  | ConsumerObservation
  | CaptureObservation
  | ConsoleObservation
  | LaneObservation;

export type MigrationObservation =
  | {
      readonly event: "schedules-registered";
      readonly database: string;
      /** The role that the jobs run as. */
      readonly owner: string;
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
    }
  | { readonly event: "pg-cron-unusable"; readonly database: string; readonly reason: string }
  | { readonly event: "migration-applied"; readonly database: string; readonly migration: string }
  /** Somebody holds a lock that a migration needs; it gives up after ten seconds. */
  | { readonly event: "migration-waiting"; readonly database: string; readonly waitsFor: string }
  | { readonly event: "objects-applied"; readonly database: string; readonly count: number }
  | { readonly event: "privilege-missing"; readonly database: string; readonly message: string }
  /** Something of ours was removed or changed since it was made; it is as it was made again. */
  | { readonly event: "drift-mended"; readonly database: string; readonly what: string }
  | {
      readonly event: "drift-remains";
      readonly database: string;
      readonly what: string;
      readonly reason: string;
    }
  | { readonly event: "extension-installed"; readonly extension: string }
  | { readonly event: "pgmq-installed"; readonly version: string; readonly how: string };

export type ConsoleObservation =
  /** Somebody signed in; `via` is the way: `loopback`, `token`, `oidc`. */
  | { readonly event: "console-signed-in"; readonly name: string; readonly via: string }
  /** A request was not answered as it wished: no right, from another site, too many. */
  | { readonly event: "console-refused"; readonly path: string; readonly reason: string }
  | { readonly event: "console-fault"; readonly path: string; readonly error: string };

/** What happened to the jobs of a source, which has its name, or its place until the name is known. */
export type SchedulerObservation = { readonly source: string } & (
  | { readonly event: "scheduler-leading" }
  | {
      readonly event: "scheduler-standing-by";
      /** Who runs the jobs. */
      readonly why: "another scheduler" | "pg_cron";
      /** The other scheduler: its process, login and application. */
      readonly leader?: string;
    }
  | { readonly event: "scheduler-fault"; readonly error: string; readonly retryInMs: number }
  | {
      readonly event: "job-finished";
      readonly job: string;
      readonly status: "succeeded" | "skipped";
      readonly ms: number;
    }
  | {
      readonly event: "job-failed";
      readonly job: string;
      readonly ms: number;
      readonly error: string;
    }
  /** It could not be run, or its connection broke: nobody knows how it ended. */
  | { readonly event: "job-fault"; readonly job: string; readonly error: string }
  /** pg_cron has it and did not start it in time, so the scheduler does. */
  | { readonly event: "job-missed"; readonly job: string; readonly lateMs: number }
);

/** What happened to a replica as a whole, or to one of its databases. Durations are in milliseconds. */
export type ConsumerObservation =
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
  /** A database has an id that is another's, and is not consumed until an operator decides. */
  | {
      readonly event: "source-refused";
      /** Host, port and database. */
      readonly address: string;
      /** The id that it has. */
      readonly sourceId: string;
      readonly state: "conflict" | "moved" | "changed";
      readonly error: string;
    }
  /** It is consumed now, after it had been refused. */
  | {
      readonly event: "source-accepted";
      readonly address: string;
      readonly source: string;
      readonly sourceId: string;
    }
  /** A promoted standby has taken the source's place. */
  | {
      readonly event: "source-moved";
      readonly source: string;
      readonly sourceId: string;
      readonly from: string;
      readonly address: string;
    }
  /** New messages are found by polling alone until it is restored. */
  | {
      readonly event: "listener-lost";
      readonly source: string;
      readonly sourceId?: string;
      readonly error: string;
    }
  | {
      readonly event: "listener-restored";
      readonly source: string;
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

/**
 * What happened to the capture of a source's changes. The source has its name, or its place until the name
 * is known; an LSN is written as PostgreSQL writes it.
 */
export type CaptureObservation = { readonly source: string; readonly sourceId?: string } & (
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
  /** How the slot fares, while it is read. */
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

/** Which lane: a source's name and a queue of it. */
export interface LaneName {
  readonly source: string;
  /** What no other source has, whatever it is called; absent while it is not known. */
  readonly sourceId?: string;
  readonly queue: string;
}

/** What happened in a lane. Durations are in milliseconds. */
export type LaneObservation = LaneName &
  (
    | {
        readonly event: "batch-read";
        /** What else tells of this batch has the same number. */
        readonly batch: number;
        readonly count: number;
        readonly bytes: number;
        readonly ms: number;
        /** Of the messages that brought a valid one, each once; only where it was asked for. */
        readonly traceparents?: readonly string[];
      }
    | {
        readonly event: "batch-checked";
        readonly batch: number;
        readonly count: number;
        readonly refused: number;
        readonly ms: number;
      }
    | {
        readonly event: "batch-merged";
        readonly batch: number;
        readonly merged: number;
        readonly duplicates: number;
        readonly ms: number;
        /**
         * How long ago each of them was sent, by the source's clock; not of those that were sent again from
         * the archive. A log has the largest only.
         */
        readonly latenciesMs: readonly number[];
      }
    | {
        readonly event: "batch-archived";
        readonly batch: number;
        readonly count: number;
        readonly ms: number;
      }
    /** Every message of it is settled, or is visible again when its lease ends. */
    | {
        readonly event: "batch-finished";
        readonly batch: number;
        readonly count: number;
        readonly outcome: BatchOutcome;
        /** From the moment that it was taken up after the read. */
        readonly ms: number;
      }
    | {
        readonly event: "message-dead-lettered";
        /** The message's id in its queue, which it has left. */
        readonly msgId: string;
        /** The id of its dead letter, in the dead-letter queue. */
        readonly deadLetterId: string;
        readonly reason: string;
        readonly code: string;
        readonly error: string;
      }
    | {
        readonly event: "messages-released";
        readonly count: number;
        readonly reason: ReleaseReason;
      }
    /** An error that may be the message's own: it is tried again, until its attempts are used up. */
    | {
        readonly event: "delivery-failed";
        readonly msgId: string;
        readonly attempt: number;
        readonly code: string;
        readonly error: string;
        readonly retryInMs: number;
      }
    /** The source would not take the dead letter; the message is tried again later. */
    | {
        readonly event: "dead-letter-refused";
        readonly msgId: string;
        readonly code: string;
        readonly error: string;
      }
    /** The lease of `count` messages is extended; `lost` were claimed by another reader meanwhile. */
    | { readonly event: "lease-extended"; readonly count: number; readonly lost: number }
    | { readonly event: "lane-crashed"; readonly error: string; readonly crashes: number }
    | { readonly event: "lease-lost"; readonly count: number; readonly lateMs: number }
    | {
        readonly event: "lane-fault";
        readonly side: "source" | "central";
        readonly kind: string;
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

/**
 * Why messages were released: neither merged nor refused, and without a delivery counted. `suspicion`: read
 * together with a message that may end its process.
 */
export type ReleaseReason = "fault" | "shutdown" | "memory-budget" | "suspicion";

/** `settled` also where some messages were released; the others say why the whole batch was not settled. */
export type BatchOutcome = "settled" | "fault" | "lease-lost" | "shutdown" | "crash";

export type Observe = (observation: Observation) => void;
