import type { ClaimedMessage, MessageIdentity } from "./message.ts";

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
