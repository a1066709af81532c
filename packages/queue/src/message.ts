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

/**
 * Identifies one read of a queue: the visibility timeouts (`vt`) that this read set on its messages, or may have set,
 * since the answer to a statement can be lost. All messages of a read have the same `vt`, and no other read sets the
 * same one. So a message that still has one of these values is still claimed by this read. The read count alone does
 * not tell: a message that was released and read again has the same read count as before.
 */
export class ClaimToken {
  readonly #firstVisibleAt: number;
  readonly #extendedTo: number[] = [];
  readonly #claimedAt: number;

  /**
   * @param visibleAt the visibility timeout that the read set: microseconds since 1970 by the source's clock,
   *   which a number holds exactly until the year 2255.
   * @param claimedAt when the read was sent, by the clock of `performance.now()`, in milliseconds.
   */
  constructor(visibleAt: number, claimedAt: number) {
    this.#firstVisibleAt = visibleAt;
    this.#claimedAt = claimedAt;
  }

  /** Every visibility timeout that proves the claim: microseconds since 1970, in decimal digits. */
  get visibilityTimeouts(): readonly string[] {
    return [this.#firstVisibleAt, ...this.#extendedTo].map(String);
  }

  /**
   * Computes the visibility timeout that keeps the messages invisible as long from now as the read did from the moment
   * it was sent. From here on it is one of {@link visibilityTimeouts}, whether or not it reaches the source.
   */
  extend(): string {
    const elapsedUs = Math.round((performance.now() - this.#claimedAt) * 1_000);
    const visibleAt = this.#firstVisibleAt + elapsedUs;
    this.#extendedTo.push(visibleAt);
    return String(visibleAt);
  }
}

/*
 * How a statement names messages: by (msg_id, enqueued_at), and not by msg_id alone, because a queue may have been
 * recreated since a message was read. A statement about claimed messages also compares the read count and the claim
 * token, so that it never touches a later claim of the same message.
 */

/** Messages by identity: takes $1 and $2 of {@link identityValues}. */
export const identities = "unnest($1::bigint[], $2::timestamptz[]) as i (msg_id, enqueued_at)";

/** Array literals as PostgreSQL reads them: for arrays, the driver would examine each element for what to quote. */
export function identityValues(messages: readonly MessageIdentity[]) {
  const msgIds = messages.map((message) => message.msgId);
  const enqueuedAts = messages.map((message) => message.enqueuedAt);
  return [`{${msgIds.join(",")}}`, `{${enqueuedAts.join(",")}}`];
}

/** Claimed messages: takes $1 to $3 of {@link claimValues}; {@link isClaimed} takes $4. */
export const claims =
  "unnest($1::bigint[], $2::timestamptz[], $3::integer[]) as i (msg_id, enqueued_at, read_ct)";

/** The condition that a row `q` of a queue is the claimed message `i`, and is still claimed by the same read. */
export const isClaimed = `q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at and q.read_ct = i.read_ct
          and ${hasTokenOf("$4")}`;

export function claimValues(messages: readonly ClaimedMessage[]) {
  const readCounts = messages.map((message) => message.readCount);
  return [...identityValues(messages), readCounts, tokenValues(messages)];
}

/** The condition that a row `q` has one of the visibility timeouts in a parameter. */
export function hasTokenOf(parameter: string): string {
  return `(extract(epoch from q.vt) * 1000000)::bigint = any (${parameter}::bigint[])`;
}

/** The visibility timeouts of all tokens; usually the messages are of one read and have one token. */
export function tokenValues(messages: readonly ClaimedMessage[]): readonly string[] {
  const tokens = new Set(messages.map(({ claimToken }) => claimToken));
  return [...tokens].flatMap(({ visibilityTimeouts }) => visibilityTimeouts);
}
