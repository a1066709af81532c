import { cleanJson } from "./clean-text.ts";
import { isMarkedBy, marksOf } from "./identities.ts";
import type { DeadLetter } from "./message.ts";
import type { Queryable } from "./queryable.ts";
import { queueTable } from "./queue-table.ts";

/** The name of a queue's dead-letter queue. */
export function deadLetterQueueOf(queue: string): string {
  return `${queue}-dlq`;
}

/** Messages that one statement moves together, in bytes: the server holds each of them, uncompressed, in memory. */
const maxStatementBytes = 64 * 1024 * 1024;

type Wrapped = "original_message" | "original_headers";

/** A message that is in its dead-letter queue now. Ids are in decimal digits. */
export interface MovedLetter {
  /** The id that it had in its queue. */
  readonly msgId: string;
  readonly deadLetterId: string;
}

export interface DeadLetterOptions {
  readonly queue: string;
  /** Who gives the messages up, as the letters shall say. */
  readonly consumer: string | null;
}

/**
 * Moves claimed messages to the dead-letter queue, as many as possible by one statement.
 *
 * A message can be nested as deep as jsonb goes, and the dead letter around it would be deeper. What
 * can't be wrapped goes as its text, a JSON string, and the letter's `as_text` names it. Such a
 * message is looked for by halving, which needs more than one statement: no transaction goes on after
 * a failed one, so with a client in a transaction the error is all that happens.
 *
 * A message that was replayed brings the attempts of its earlier lives in its headers.
 *
 * @returns those moved; a message that somebody else has claimed since is theirs to judge.
 */
export async function deadLetter(
  db: Queryable,
  options: DeadLetterOptions,
  letters: readonly DeadLetter[],
): Promise<readonly MovedLetter[]> {
  if (letters.length === 0) return [];
  const middle = middleOf(letters);
  if (middle !== undefined) return await moveInTwo(db, options, letters, middle);
  try {
    return await moveTogether(db, options, letters, []);
  } catch (error) {
    if (!isOverLimit(error)) throw error;
    if (letters.length === 1) return await moveAsText(db, options, letters);
    return await moveInTwo(db, options, letters, letters.length >>> 1);
  }
}

/** Where dead letters that are too large for one statement together are divided; else undefined. */
function middleOf(letters: readonly DeadLetter[]): number | undefined {
  const bytes = letters.reduce((sum, { message }) => sum + message.bytes, 0);
  return letters.length > 1 && bytes > maxStatementBytes ? letters.length >>> 1 : undefined;
}

async function moveInTwo(
  db: Queryable,
  options: DeadLetterOptions,
  letters: readonly DeadLetter[],
  middle: number,
): Promise<readonly MovedLetter[]> {
  const first = await deadLetter(db, options, letters.slice(0, middle));
  return [...first, ...(await deadLetter(db, options, letters.slice(middle)))];
}

async function moveAsText(
  db: Queryable,
  options: DeadLetterOptions,
  letters: readonly DeadLetter[],
) {
  try {
    return await moveTogether(db, options, letters, ["original_message"]);
  } catch (error) {
    if (!isOverLimit(error)) throw error;
    return await moveTogether(db, options, letters, ["original_message", "original_headers"]);
  }
}

/** Deletes and sends in one statement. The messages stay inside the database, whatever their size. */
async function moveTogether(
  db: Queryable,
  { queue, consumer }: DeadLetterOptions,
  letters: readonly DeadLetter[],
  asText: readonly Wrapped[],
): Promise<readonly MovedLetter[]> {
  const verdicts = letters.map(({ message, refusal, attempts }) => ({
    msg_id: message.msgId,
    enqueued_at: message.enqueuedAt,
    read_ct: message.readCount,
    reason: refusal.reason,
    error: refusal.error,
    attempts,
  }));
  const message = asText.includes("original_message") ? "to_jsonb(g.message::text)" : "g.message";
  const headers = asText.includes("original_headers")
    ? "to_jsonb(g.headers::text)"
    : "case when jsonb_typeof(g.headers) = 'object' then g.headers - 'attempts' else g.headers end";
  const note = asText.length > 0 ? `'as_text', '${JSON.stringify(asText)}'::jsonb,` : "";
  const { rows } = await db.query<MovedLetter>(
    `with verdict as materialized (
       select * from jsonb_to_recordset($1::jsonb)
         as v (msg_id bigint, enqueued_at timestamptz, read_ct integer, reason text, error jsonb, attempts jsonb)
     ), gone as (
       delete from ${queueTable(queue, "q")} q using verdict v
        where q.msg_id = v.msg_id and q.enqueued_at = v.enqueued_at and q.read_ct = v.read_ct
          and ${isMarkedBy("$5")}
       returning q.msg_id, q.enqueued_at, q.read_ct, q.message, q.headers, v.reason, v.error, v.attempts
     ), sent as (
       select g.msg_id, s.dead_id
         from gone g
        cross join lateral pgmq.send($2::text, jsonb_build_object(
          'original_message', ${message},
          'original_message_id', g.msg_id,
          'original_enqueued_at', g.enqueued_at,
          'original_headers', ${headers}, ${note}
          'queue', $3::text,
          'read_count', g.read_ct,
          'reason', g.reason,
          'error', g.error,
          'consumer', $4::text,
          'attempts', case when jsonb_typeof(g.headers -> 'attempts') = 'array' then g.headers -> 'attempts'
                           else '[]' end || g.attempts,
          'dead_lettered_at', clock_timestamp()
        )) as s (dead_id)
     )
     select msg_id::text as "msgId", dead_id::text as "deadLetterId" from sent`,
    [
      cleanJson(verdicts),
      deadLetterQueueOf(queue),
      queue,
      consumer,
      marksOf(letters.map((letter) => letter.message)),
    ],
  );
  return rows;
}

/** Program limit exceeded: nested too deeply for the server's stack, or too large for a jsonb. */
function isOverLimit(error: unknown): boolean {
  return /^54/.test((error as { code?: string }).code ?? "");
}
