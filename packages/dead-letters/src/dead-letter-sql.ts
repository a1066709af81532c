import type { QueueName } from "@centralcloud/contracts";
import { deadLetterFields } from "@centralcloud/queue";
import type { DeadLetterKey } from "./cursor.ts";
import type { ResolvedFilter } from "./filter.ts";

/*
 * What is asked of a dead letter in SQL, as expressions over its row `d`. Dead letters come from any client: each
 * expression takes a message of any shape, also none, and yields null for what is not there. Nothing of
 * a message becomes a JavaScript number.
 */

/**
 * A moment as text of fixed width in UTC: such texts compare as the moments do, `infinity` and `-infinity` among them.
 */
export function instant(expression: string): string {
  const moment = `(${expression})`;
  return `coalesce(to_char(${moment} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ${moment}::text)`;
}

/** The same of a column: never null, though whoever owns the table decides what stands there. */
export function storedInstant(column: string): string {
  return `coalesce(${instant(column)}, '')`;
}

/** The fields of the body; @centralcloud/queue has the format of a dead letter. */
const fields = deadLetterFields("d.message");
export const {
  attempts,
  enqueuedAt,
  errorCode,
  errorMessage,
  firstSentAs,
  hasMessageId,
  hasOriginal,
  messageId,
  original,
  originalHeaders,
  readCount,
  reason,
  replayCount,
  deadLetteredAt,
  storedHeaders,
} = fields;

/**
 * Reason and code as they may be shown to anybody: other clients may have written anything there, and so what is not one
 * short word is left out.
 */
export const shownReason = shownWord(reason);
export const shownCode = shownWord(errorCode);

/**
 * What the dead letter failed with. The queue stands there as a literal, so that the index of its dead letters is used;
 * there is no other text in it.
 */
export function fingerprint(queue: QueueName): string {
  return `(public.dead_letter_fingerprint('${queue}', d.message) collate "C")`;
}

/** The whole history: the failed attempts, and last the failure that it was dead-lettered for. */
export const history = `(${attempts} || jsonb_build_array(jsonb_build_object(
  'at', coalesce(${deadLetteredAt}, ${instant("d.enqueued_at")}),
  'consumer', coalesce(${fields.consumer}, 'unknown'),
  'error', jsonb_build_object('code', coalesce(${errorCode}, ${reason}, 'unknown'),
                              'message', coalesce(${errorMessage}, '')))))`;

/** How much the dead letter takes in its table; known without reading it. */
export const storedBytes = "coalesce(pg_column_size(d.message), 0)";

/**
 * The transaction that wrote the row `d`, with its epoch: the last one before now that has these 32 bits. Rows older
 * than four billion transactions may seem newer; such a row is refused, and never moved unseen.
 */
const insertedBy = `(select (n.next - ((n.next - d.xmin::text::bigint) & 4294967295))::text::xid8
     from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next) n)`;

/** The values of a statement, numbered as they are added. */
export class Values {
  readonly all: unknown[] = [];

  add(value: unknown): string {
    return `$${this.all.push(value)}`;
  }
}

/**
 * The condition that a row `d` stands after (or before) a dead letter's place, by time and then by id.
 *
 * @param column the time by which the rows are ordered.
 */
export function comparedWith(
  { at, id }: DeadLetterKey,
  values: Values,
  comparison: ">" | "<" | "<=" = ">",
  column: "enqueued_at" | "archived_at" = "enqueued_at",
): string {
  return `(d.${column}, d.msg_id) ${comparison} (${values.add(at)}::timestamptz, ${values.add(id)}::bigint)`;
}

/** The conditions of a filter on dead letters `d` of a queue, joined by `and`; `true` where there is none. */
export function conditionsOf(filter: ResolvedFilter, values: Values, queue: QueueName): string {
  const { ids, messageIds, reasons, codes, fingerprints, since, until, text, path } = filter;
  const conditions: string[] = [];
  if (ids) conditions.push(`d.msg_id = any (${values.add(ids)}::bigint[])`);
  if (messageIds) conditions.push(`${messageId} = any (${values.add(messageIds)}::text[])`);
  if (fingerprints) {
    const [first, ...others] = fingerprints;
    // With one only, its dead letters are in order of time in the index.
    conditions.push(
      others.length === 0
        ? `${fingerprint(queue)} = ${values.add(first)}::text`
        : `${fingerprint(queue)} = any (${values.add(fingerprints)}::text[])`,
    );
  }
  if (since) conditions.push(`d.enqueued_at >= ${values.add(since)}::timestamptz`);
  if (until) conditions.push(`d.enqueued_at <= ${values.add(until)}::timestamptz`);
  if (reasons) conditions.push(`${reason} = any (${values.add(reasons)}::text[])`);
  if (codes) conditions.push(`${errorCode} = any (${values.add(codes)}::text[])`);
  if (text !== undefined) {
    const found = `strpos(lower(${original} #>> '{}'), lower(${values.add(text)}::text))`;
    conditions.push(`${found} > 0`);
  }
  if (path !== undefined) {
    // Silent, and with time zones: an odd message does not meet the path, and breaks nothing.
    const test = filter.pathIsPredicate ? "jsonb_path_match_tz" : "jsonb_path_exists_tz";
    conditions.push(`${test}(${original}, ${values.add(path)}::jsonpath, '{}', true)`);
  }
  if (filter.seenIn !== undefined) {
    const snapshot = `${values.add(filter.seenIn)}::pg_snapshot`;
    conditions.push(`pg_visible_in_snapshot(${insertedBy}, ${snapshot})`);
  }
  return conditions.length === 0 ? "true" : conditions.join("\n   and ");
}

function shownWord(expression: string): string {
  return `case when ${expression} ~ '^[A-Za-z0-9_.-]{1,40}$' then ${expression} when ${expression} is not null then '…' end`;
}
