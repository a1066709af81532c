import type { ClaimToken } from "./claim-token.ts";

/**
 * What identifies a message within its source and queue. `msgId` alone repeats when a queue is recreated or its
 * database restored from a backup.
 */
export interface MessageIdentity {
  /** A bigint, in decimal digits: a JavaScript number would lose the low ones. */
  readonly msgId: string;
  /** ISO 8601 with microseconds, as PostgreSQL wrote it. */
  readonly enqueuedAt: string;
}

/** One delivery of a message: nobody else can read it until its lease, the visibility timeout of this read, ends. */
export interface ClaimedMessage extends MessageIdentity {
  /** How often the message has been read, this time included. */
  readonly readCount: number;
  /** Tells this delivery from others of the message; the same object for all messages of one read. */
  readonly claimToken: ClaimToken;
  /** The length of its JSON text in UTF-8, or of its jsonb where it is too large to become text. */
  readonly bytes: number;
  /** How long ago it was sent when the answer to the read came, in whole milliseconds, by the source's clock. */
  readonly ageMs: number;
  /** The producer's trace context; null where it brought none, or none was asked for. */
  readonly traceparent: string | null;
  /** The message's JSON text as it is in the database; null for SQL null, and when withheld. */
  readonly body: string | null;
  /** Why the body was not fetched: larger than allowed, or over what the batch may hold in memory. */
  readonly withheld: "too-large" | "memory-budget" | null;
  /** Moved back from the archive: it was merged before, into this store or into one that was lost. */
  readonly fromArchive: boolean;
}

/** The limits of one read, and where in the queue it begins. */
export interface ReadLimits {
  /** The lease: how long the messages stay invisible to others, in whole seconds. */
  readonly visibilityTimeoutS: number;
  /** Messages at most, from 1. */
  readonly quantity: number;
  /** Only messages with a higher id, so that the rows in front are not visited; default: all. */
  readonly afterId?: string;
  /** Only messages with a higher id than the one claimed last, by any reader; only a hint. Default false. */
  readonly afterOthers?: boolean;
  /** A message whose text is longer than this (UTF-8 bytes) is claimed, but its body stays in the database. */
  readonly maxMessageBytes: number;
  /** The bodies of one read together, in UTF-8 bytes; the first message is fetched in any case. */
  readonly maxBatchBytes: number;
  /** Whether `traceparent` is read from the headers; default false. */
  readonly traceparents?: boolean;
}

/** Under which conditions a read may claim, among all processes that read the queue. */
export interface ReaderSlotRequest {
  /** The number of reader slots: the read claims only if it gets one of them, from 1; default: no limit. */
  readonly maxReaders?: number;
  /**
   * Claims only if fewer than `claimed` messages were claimed within the last `withinMs` milliseconds, counting those
   * that are still in flight and were claimed with the same visibility timeout; default: no such condition.
   */
  readonly unlessOthers?: {
    readonly claimed: number;
    readonly withinMs: number;
    /** Whether a cheaper statement asks before the read, for readers that expect a refusal; default false. */
    readonly asksFirst?: boolean;
  };
}

/**
 * Why a read did not claim: every reader slot was taken, or others claimed so much that this reader is not needed.
 */
export type SlotRefusal = "no-slot" | "not-needed";
