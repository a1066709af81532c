import type { Events } from "@centralcloud/service";

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

/** What happened to the connection by which a source notifies of new messages. */
export type ListenerObservation =
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
    };

/** How each of them is logged: without what there is one of for each message of a batch. */
export const laneEvents: Events<LaneObservation | ListenerObservation> = {
  "batch-read": { level: "debug", brief: ({ traceparents, ...rest }) => rest },
  "batch-checked": { level: "debug" },
  "batch-merged": {
    level: "debug",
    brief: ({ latenciesMs, ...rest }) =>
      latenciesMs.length === 0 ? rest : { ...rest, slowestMs: Math.max(...latenciesMs) },
  },
  "batch-archived": { level: "debug" },
  "batch-finished": { level: "debug" },
  "message-dead-lettered": { level: "warn" },
  "messages-released": { level: "info" },
  "delivery-failed": { level: "warn" },
  "dead-letter-refused": {
    level: "error",
    fault: { about: ["source", "queue"], reason: ["code"] },
  },
  "lease-extended": { level: "debug" },
  "lane-crashed": { level: "error", fault: { about: ["source", "queue"], reason: ["error"] } },
  "lease-lost": { level: "warn", fault: { about: ["source", "queue"], reason: [] } },
  "lane-fault": {
    level: "error",
    fault: { about: ["source", "queue", "side"], reason: ["kind", "code"] },
  },
  "lane-recovered": { level: "info", ends: ["lane-fault"] },
  "listener-lost": { level: "warn", fault: { about: ["source"], reason: ["error"] } },
  "listener-restored": { level: "info", ends: ["listener-lost"] },
};
