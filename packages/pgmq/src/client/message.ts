import type { Hold } from "./hold.ts";

/**
 * What makes a message the message it is. `msgId` alone repeats when a queue is recreated or its
 * database restored from a backup.
 */
export interface MessageIdentity {
  /** A bigint, in decimal digits: a JavaScript number would lose the low ones. */
  readonly msgId: string;
  /** ISO 8601 with microseconds, as PostgreSQL wrote it. */
  readonly enqueuedAt: string;
}

/** One delivery of a message: it is ours until its visibility timeout ends. */
export interface ClaimedMessage extends MessageIdentity {
  /** How often the message has been read, this time included. */
  readonly readCount: number;
  /** Tells this delivery from others of the message; the same for all messages of one read. */
  readonly hold: Hold;
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

/** How a read is limited. */
export interface ReadLimits {
  /** How long the messages stay invisible to others, in whole seconds. */
  readonly visibilityTimeoutS: number;
  readonly quantity: number;
  /** Only messages with a higher id, so that what lies in front is not looked at; default: all. */
  readonly afterId?: string;
  /** Only messages with a higher id than the one claimed last, by whomever; only a hint. Default false. */
  readonly afterOthers?: boolean;
  /** A message whose text is longer than this is claimed, but its body stays in the database. */
  readonly maxMessageBytes: number;
  /** The bodies of one read together; the first message is fetched in any case. */
  readonly maxBatchBytes: number;
  /** Whether `traceparent` is read from the headers; default false. */
  readonly traceparents?: boolean;
}

/** When a read may claim, among all processes that read the queue. */
export interface ReadTurn {
  /** Only while fewer than so many are claiming; default: any number. */
  readonly maxReaders?: number;
  /**
   * Only if less than so many messages were claimed within so many milliseconds, of those that are still in flight
   * and were claimed with the same visibility timeout; default: whatever was claimed.
   */
  readonly unlessOthers?: {
    readonly claimed: number;
    readonly withinMs: number;
    /** Whether a statement by itself asks first, which is cheaper where others have claimed; default false. */
    readonly asksFirst?: boolean;
  };
}

/** Why a read might not claim: so many are doing so, or others have claimed just now. */
export type TurnedAway = "many-read" | "others-read";

export interface DeadLetterError {
  readonly code: string;
  readonly message: string;
  readonly issues?: readonly unknown[];
}

/** One failed attempt to merge a message. */
export interface DeliveryAttempt {
  /** ISO 8601. */
  readonly at: string;
  /** The replica's id; null where nobody noted it. */
  readonly consumer: string | null;
  readonly error: { readonly code: string; readonly message: string };
}

/** Why a message goes to the dead-letter queue. */
export interface Refusal {
  readonly reason: string;
  readonly error: DeadLetterError;
}

/** A message that goes to the dead-letter queue, with why and how it failed before. */
export interface DeadLetter {
  readonly message: ClaimedMessage;
  readonly refusal: Refusal;
  /** Oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
}

/** How long a queue is, found out at a cost that its length does not change. */
export interface QueueDepth {
  readonly queue: string;
  /** Messages in it, visible or not. */
  readonly messages: number;
  /** Whether there are more than were counted, and `messages` is what the server's statistics say. */
  readonly isEstimate: boolean;
  /** Of the message with the lowest id; null when the queue is empty. */
  readonly oldestAgeSeconds: number | null;
}

export interface QueueMetrics {
  readonly queue: string;
  readonly total: number;
  /** Visible now. */
  readonly available: number;
  /** Claimed by a consumer, or sent with a delay. */
  readonly inFlight: number;
  /** Null when the queue is empty. */
  readonly oldestAgeSeconds: number | null;
}
