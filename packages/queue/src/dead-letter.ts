import { cleanJson, type DeadLetter, deadLetterBody, type Wrapped } from "./dead-letter-format.ts";
import { hasTokenOf, tokenValues } from "./message.ts";
import { deadLetterQueueOf, type Queryable, queueTable } from "./queue-table.ts";

/** Messages that one statement moves together, in bytes: the server holds each of them, uncompressed, in memory. */
const maxStatementBytes = 64 * 1024 * 1024;

/** A message that is in its dead-letter queue now. Ids are in decimal digits. */
export interface MovedMessage {
  /** The id that it had in its queue. */
  readonly msgId: string;
  readonly deadLetterId: string;
}

export interface DeadLetterOptions {
  readonly queue: string;
  /** The replica that dead-letters the messages, as the dead letters shall say. */
  readonly consumer: string | null;
}

/**
 * Moves claimed messages to the dead-letter queue, as many as possible by one statement.
 *
 * A message can be nested as deep as jsonb goes, and the dead letter around it would be one level deeper. What can't be
 * wrapped is stored as its text, a JSON string, and `as_text` of the dead letter names it. Such a message is found by
 * halving the group, which needs more than one statement. After a failed statement no transaction continues, so with a
 * client that is in a transaction the first error is all that happens.
 *
 * @returns those that were moved; a message that another reader has claimed since is left to that reader.
 */
export async function moveToDeadLetters(
  db: Queryable,
  options: DeadLetterOptions,
  deadLetters: readonly DeadLetter[],
): Promise<readonly MovedMessage[]> {
  if (deadLetters.length === 0) return [];
  const middle = middleOf(deadLetters);
  if (middle !== undefined) return await moveInTwo(db, options, deadLetters, middle);
  try {
    return await moveTogether(db, options, deadLetters, []);
  } catch (error) {
    if (!isOverLimit(error)) throw error;
    if (deadLetters.length === 1) return await moveAsText(db, options, deadLetters);
    return await moveInTwo(db, options, deadLetters, deadLetters.length >>> 1);
  }
}

/** Where dead letters that are too large for one statement together are divided; else undefined. */
function middleOf(deadLetters: readonly DeadLetter[]): number | undefined {
  const bytes = deadLetters.reduce((sum, { message }) => sum + message.bytes, 0);
  return deadLetters.length > 1 && bytes > maxStatementBytes ? deadLetters.length >>> 1 : undefined;
}

async function moveInTwo(
  db: Queryable,
  options: DeadLetterOptions,
  deadLetters: readonly DeadLetter[],
  middle: number,
): Promise<readonly MovedMessage[]> {
  const first = await moveToDeadLetters(db, options, deadLetters.slice(0, middle));
  return [...first, ...(await moveToDeadLetters(db, options, deadLetters.slice(middle)))];
}

async function moveAsText(
  db: Queryable,
  options: DeadLetterOptions,
  deadLetters: readonly DeadLetter[],
) {
  try {
    return await moveTogether(db, options, deadLetters, ["original_message"]);
  } catch (error) {
    if (!isOverLimit(error)) throw error;
    return await moveTogether(db, options, deadLetters, ["original_message", "original_headers"]);
  }
}

/** Deletes and sends in one statement. The messages stay inside the database, whatever their size. */
async function moveTogether(
  db: Queryable,
  { queue, consumer }: DeadLetterOptions,
  deadLetters: readonly DeadLetter[],
  asText: readonly Wrapped[],
): Promise<readonly MovedMessage[]> {
  const decisions = deadLetters.map(({ message, refusal, attempts }) => ({
    msg_id: message.msgId,
    enqueued_at: message.enqueuedAt,
    read_ct: message.readCount,
    reason: refusal.reason,
    error: refusal.error,
    attempts,
  }));
  const { rows } = await db.query<MovedMessage>(
    `with decision as materialized (
       select * from jsonb_to_recordset($1::jsonb)
         as d (msg_id bigint, enqueued_at timestamptz, read_ct integer, reason text, error jsonb, attempts jsonb)
     ), gone as (
       delete from ${queueTable(queue, "q")} q using decision d
        where q.msg_id = d.msg_id and q.enqueued_at = d.enqueued_at and q.read_ct = d.read_ct
          and ${hasTokenOf("$5")}
       returning q.msg_id, q.enqueued_at, q.read_ct, q.message, q.headers, d.reason, d.error, d.attempts
     ), sent as (
       select g.msg_id, s.dead_id
         from gone g
        cross join lateral pgmq.send($2::text, ${deadLetterBody({ queue: "$3", consumer: "$4" }, asText)}) as s (dead_id)
     )
     select msg_id::text as "msgId", dead_id::text as "deadLetterId" from sent`,
    [
      cleanJson(decisions),
      deadLetterQueueOf(queue),
      queue,
      consumer,
      tokenValues(deadLetters.map(({ message }) => message)),
    ],
  );
  return rows;
}

/** Program limit exceeded: nested too deeply for the server's stack, or too large for a jsonb. */
function isOverLimit(error: unknown): boolean {
  return /^54/.test((error as { code?: string }).code ?? "");
}
