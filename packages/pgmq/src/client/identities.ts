import type { ClaimedMessage, MessageIdentity } from "./message.ts";

/*
 * How a statement names messages: by their whole identity, and not by msg_id alone, because a queue may
 * have been recreated since a message was read. A claim also has the read count and the visibility timeouts
 * of its {@link Hold}, so that it is never taken for a later claim of the same message.
 */

export const identities = "unnest($1::bigint[], $2::timestamptz[]) as i (msg_id, enqueued_at)";

/** Array literals as PostgreSQL reads them: for arrays, the client would look at each element for what to quote. */
export function identityValues(messages: readonly MessageIdentity[]) {
  const msgIds = messages.map((message) => message.msgId);
  const enqueuedAts = messages.map((message) => message.enqueuedAt);
  return [`{${msgIds.join(",")}}`, `{${enqueuedAts.join(",")}}`];
}

export const claims =
  "unnest($1::bigint[], $2::timestamptz[], $3::integer[]) as i (msg_id, enqueued_at, read_ct)";

/** That a message `q` of a queue is the claimed one `i`, and still held by the read that claimed it. */
export const isHeld = `q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at and q.read_ct = i.read_ct
          and ${isMarkedBy("$4")}`;

export function claimValues(messages: readonly ClaimedMessage[]) {
  const readCounts = messages.map((message) => message.readCount);
  return [...identityValues(messages), readCounts, marksOf(messages)];
}

/** That a message `q` has one of the visibility timeouts in a parameter. */
export function isMarkedBy(parameter: string): string {
  return `(extract(epoch from q.vt) * 1000000)::bigint = any (${parameter}::bigint[])`;
}

/** Usually they are all of one read. */
export function marksOf(messages: readonly ClaimedMessage[]): readonly string[] {
  const holds = new Set(messages.map(({ hold }) => hold));
  return [...holds].flatMap(({ marks }) => marks);
}
