import type { ClaimedMessage, MessageIdentity } from "./message.ts";

/*
 * How a statement names messages: by their whole identity, and not by msg_id alone, because a queue may
 * have been recreated since a message was read. A claim also has the read count, which changes when
 * somebody else reads the message.
 */

export const identities = "unnest($1::bigint[], $2::timestamptz[]) as i (msg_id, enqueued_at)";

export function identityValues(messages: readonly MessageIdentity[]) {
  return [messages.map((message) => message.msgId), messages.map((message) => message.enqueuedAt)];
}

export const claims =
  "unnest($1::bigint[], $2::timestamptz[], $3::integer[]) as i (msg_id, enqueued_at, read_ct)";

export function claimValues(messages: readonly ClaimedMessage[]) {
  return [...identityValues(messages), messages.map((message) => message.readCount)];
}
