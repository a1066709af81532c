import type { ClaimedMessage } from "./message.ts";

/*
 * The format of a dead letter: what is written into `<queue>-dlq`, and how its fields are read again. The keys stand in
 * this file alone; `deadLetterSchema` of @centralcloud/contracts documents them for other programs.
 */

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

/** Why a message is dead-lettered. */
export interface Refusal {
  readonly reason: string;
  readonly error: DeadLetterError;
}

/** A claimed message that is to be dead-lettered, with the reason and the attempts that failed before. */
export interface DeadLetter {
  readonly message: ClaimedMessage;
  readonly refusal: Refusal;
  /** Oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
}

/** The parts of a dead letter that are stored as JSON text where they are nested too deeply to be wrapped. */
export type Wrapped = "original_message" | "original_headers";

/** Parameters of the statement that writes dead letters, in its order: `$2` and so on. */
interface WritePlaces {
  /** The queue's name. */
  readonly queue: string;
  /** The replica that dead-letters the message, or null. */
  readonly consumer: string;
}

/**
 * SQL: the body of a dead letter, from a row `g` with the columns of the message in its queue (`msg_id`, `enqueued_at`,
 * `read_ct`, `message`, `headers`) and `reason`, `error` and `attempts`. A message that was replayed brings the
 * attempts of its earlier deliveries in its headers; they come first.
 *
 * @param asText what is stored as a JSON string of its text instead; `as_text` then names it.
 */
export function deadLetterBody(places: WritePlaces, asText: readonly Wrapped[]): string {
  const message = asText.includes("original_message") ? "to_jsonb(g.message::text)" : "g.message";
  const headers = asText.includes("original_headers")
    ? "to_jsonb(g.headers::text)"
    : "case when jsonb_typeof(g.headers) = 'object' then g.headers - 'attempts' else g.headers end";
  const note = asText.length > 0 ? `'as_text', '${JSON.stringify(asText)}'::jsonb,` : "";
  return `jsonb_build_object(
          'original_message', ${message},
          'original_message_id', g.msg_id,
          'original_enqueued_at', g.enqueued_at,
          'original_headers', ${headers}, ${note}
          'queue', ${places.queue}::text,
          'read_count', g.read_ct,
          'reason', g.reason,
          'error', g.error,
          'consumer', ${places.consumer}::text,
          'attempts', case when jsonb_typeof(g.headers -> 'attempts') = 'array' then g.headers -> 'attempts'
                           else '[]' end || g.attempts,
          'dead_lettered_at', clock_timestamp()
        )`;
}

/**
 * SQL: the fields of a dead letter, as expressions over the column that holds its body. Any client may write to a
 * dead-letter queue: each expression takes a body of any shape, SQL null included, and yields null for a field that is
 * missing. No number becomes a JavaScript number.
 *
 * @param body the column, such as `d.message`.
 */
export function deadLetterFields(body: string) {
  const error = `(${body} -> 'error')`;
  const originalHeaders = objectOr(`${body} -> 'original_headers'`, "'{}'::jsonb");
  const ownAttempts = arrayOf(`${body} -> 'attempts'`);
  const earlierAttempts = arrayOf(`${originalHeaders} -> 'attempts'`);
  return {
    /** The message itself: jsonb. */
    original: `(${body} -> 'original_message')`,
    /** Whether there is a message to send again: boolean, never null. */
    hasOriginal: `coalesce(jsonb_typeof(${body}) = 'object' and ${body} ? 'original_message', false)`,
    /** Text. Other clients may have written a sentence in place of an object. */
    errorMessage: `coalesce(${error} ->> 'message', case when jsonb_typeof(${error}) = 'string' then ${body} ->> 'error' end)`,
    errorCode: `(${error} ->> 'code')`,
    reason: `(${body} ->> 'reason')`,
    consumer: `(${body} ->> 'consumer')`,
    /** Whether the body says which message it was: boolean, or null. */
    hasMessageId: `(${body} ? 'original_message_id')`,
    /** The id that the message had in its queue: text. */
    messageId: `(${body} ->> 'original_message_id')`,
    /** When the message was sent: text as it was written. */
    enqueuedAt: `(${body} ->> 'original_enqueued_at')`,
    readCount: `(${body} ->> 'read_count')`,
    /** By the source's clock: text as it was written. */
    deadLetteredAt: `(${body} ->> 'dead_lettered_at')`,
    /** The message's headers: a jsonb object, empty for none. */
    originalHeaders,
    /** The same as they are stored: jsonb of any type. */
    storedHeaders: `(${body} -> 'original_headers')`,
    /** How often the message had been replayed before it was dead-lettered: a whole number from 0. */
    replayCount: `greatest(coalesce(trunc((${numberOf(`${originalHeaders} -> 'replay_count'`)})::text::numeric), 0), 0)`,
    /** The id under which the message was first sent: a jsonb number, or null. */
    firstSentAs: `coalesce(${numberOf(`${originalHeaders} -> 'replay_of'`)}, ${numberOf(`${body} -> 'original_message_id'`)})`,
    /** The failed attempts before the last failure, those before a replay included: a jsonb array. */
    attempts: `(case when ${ownAttempts} @> ${earlierAttempts} then ${ownAttempts} else ${earlierAttempts} || ${ownAttempts} end)`,
  } as const;
}

export type DeadLetterFields = ReturnType<typeof deadLetterFields>;

function objectOr(expression: string, otherwise: string): string {
  return `(case when jsonb_typeof(${expression}) = 'object' then ${expression} else ${otherwise} end)`;
}

function arrayOf(expression: string): string {
  return `(case when jsonb_typeof(${expression}) = 'array' then ${expression} else '[]'::jsonb end)`;
}

function numberOf(expression: string): string {
  return `(case when jsonb_typeof(${expression}) = 'number' then ${expression} end)`;
}

/** The longest text of an error that is kept, in UTF-16 units. */
const maxTextLength = 2_000;

/**
 * A text that jsonb takes: without the character U+0000 and without halves of surrogate pairs, and cut to 2,000
 * characters. What was removed is shown as U+FFFD.
 */
export function cleanText(text: string): string {
  // The cut may leave half a pair at the end, so the text is made well-formed last.
  const short = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return toWellFormed(short.replaceAll("\u0000", "\uFFFD"));
}

/** As `String.prototype.toWellFormed`, which TypeScript's library of ES2023 does not know. */
function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** The JSON text of a value whose strings are all cleaned. Keys are written by this package and need none of it. */
export function cleanJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "string" ? cleanText(part) : part,
  );
}
