import type { QueueName } from "@centralcloud/contracts";
import { type Cursor, compareCursors, decodeCursor, encodeCursor } from "./cursor.ts";
import * as deadLetter from "./dead-letter-sql.ts";
import type { DeadLetterFilter, ResolvedFilter } from "./filter.ts";
import {
  type DeadLetterScope,
  type DeadLetterSource,
  orderOf,
  type Place,
  placeOf,
} from "./place.ts";
import { resolveFilter } from "./resolve-filter.ts";

/** What a list says of a dead letter. What a dead letter of another client lacks is null. */
export interface DeadLetterSummary {
  /** The source's name. */
  readonly source: string;
  readonly sourceId: string;
  readonly queue: QueueName;
  /** The dead letter's id in the dead-letter queue, in decimal digits. */
  readonly id: string;
  /** When the dead letter was sent: UTC with microseconds. */
  readonly at: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly error: string | null;
  /** What `--fingerprint` takes: the group that it is of. */
  readonly fingerprint: string;
  /** What the dead letter says of the message: its id, and when it was queued. */
  readonly originalId: string | null;
  readonly originalEnqueuedAt: string | null;
  /** Failures before the one that it failed with at last. */
  readonly attemptCount: number;
  readonly replayCount: number;
  /** How much the dead letter takes in the database. */
  readonly storedBytes: number;
  /** The JSON text of the original message, where it was asked for and is not long. */
  readonly originalMessage: string | null;
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly deadLetters: readonly DeadLetterSummary[];
  /** Where the next page begins; null on the last one. */
  readonly next: string | null;
}

/** Beyond this a list leaves the original message out, in bytes of its text. */
const maxListedBytes = 16_384;

/**
 * A page of dead letters, newest first, over all places of the scope. A page is found through an index of
 * (time, id), so that the last costs what the first does; a filter makes it look at more dead letters.
 *
 * @param options.limit dead letters of a page, from 1.
 * @param options.withMessages gives the original messages, too; a list leaves them out, since each may be long.
 * @param options.after where the page before ended.
 * @throws {SelectionError}
 */
export async function listDeadLetters(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  {
    limit,
    after,
    withMessages = false,
  }: { readonly limit: number; readonly after?: string; readonly withMessages?: boolean },
): Promise<DeadLetterPage> {
  const cursor = after === undefined ? undefined : decodeCursor(after);
  const found: Listed[] = [];
  for (const source of scope.sources) {
    const resolved = await resolveFilter(source, filter, { boundedByNow: false });
    const places = scope.queues.map((queue) => placeOf(source, queue));
    const page = { limit: limit + 1, cursor, withMessages };
    const summaries = await listPlaces(source, places, resolved, page);
    found.push(...summaries.map(asListed));
  }
  return pageOf(found, limit, false);
}

/** One page of those that several sources gave, each of which was asked for `limit` dead letters. */
export function mergePages(pages: readonly DeadLetterPage[], limit: number): DeadLetterPage {
  const listed = pages.flatMap(({ deadLetters }) => deadLetters).map(asListed);
  return pageOf(
    listed,
    limit,
    pages.some(({ next }) => next !== null),
  );
}

interface Listed {
  readonly cursor: Cursor;
  readonly summary: DeadLetterSummary;
}

function asListed(summary: DeadLetterSummary): Listed {
  const { at, id, sourceId, queue } = summary;
  return { cursor: { at, id, place: orderOf({ source: { sourceId }, queue }) }, summary };
}

/** @param hasMore whether there are more dead letters than these. */
function pageOf(listed: readonly Listed[], limit: number, hasMore: boolean): DeadLetterPage {
  const sorted = [...listed].sort((one, other) => compareCursors(other.cursor, one.cursor));
  const page = sorted.slice(0, limit);
  const last = hasMore || sorted.length > limit ? page.at(-1) : undefined;
  return {
    deadLetters: page.map(({ summary }) => summary),
    next: last === undefined ? null : encodeCursor(last.cursor),
  };
}

/** Of one source, in one statement. */
async function listPlaces(
  source: DeadLetterSource,
  places: readonly Place[],
  filter: ResolvedFilter,
  {
    limit,
    cursor,
    withMessages,
  }: {
    readonly limit: number;
    readonly cursor: Cursor | undefined;
    readonly withMessages: boolean;
  },
): Promise<readonly DeadLetterSummary[]> {
  const values = new deadLetter.Values();
  const pages = places.map((place) => {
    const conditions = [deadLetter.conditionsOf(filter, values, place.queue)];
    if (cursor !== undefined) {
      const comparison = orderOf(place) < cursor.place ? "<=" : "<";
      conditions.push(deadLetter.comparedWith(cursor, values, comparison));
    }
    return `(select ${values.add(place.queue)}::text as queue, d.msg_id, d.enqueued_at, d.message
         from ${place.tables.deadLetters} d
        where ${conditions.join("\n          and ")}
        order by d.enqueued_at desc, d.msg_id desc
        limit ${values.add(limit)})`;
  });
  const { rows } = await source.pool.query<DeadLetterSummary>(
    // The pages are cut out before anything is read of their messages.
    `with pages as materialized (
       ${pages.join("\n       union all\n       ")}
     ),
     page as materialized (
       select * from pages d
        order by d.enqueued_at desc, d.msg_id desc, d.queue collate "C" desc
        limit ${values.add(limit)}
     )
     select ${values.add(source.name)}::text as source,
            ${values.add(source.sourceId)}::text as "sourceId",
            d.queue,
            d.msg_id::text as id, ${deadLetter.storedInstant("d.enqueued_at")} as at,
            case d.queue ${places.map(({ queue }) => `when '${queue}' then ${deadLetter.fingerprint(queue)}`).join(" ")} end as fingerprint,
            ${deadLetter.shownReason} as reason, ${deadLetter.shownCode} as code,
            left(${deadLetter.errorMessage}, 2000) as error,
            left(${deadLetter.messageId}, 40) as "originalId",
            left(${deadLetter.enqueuedAt}, 40) as "originalEnqueuedAt",
            jsonb_array_length(${deadLetter.attempts}) as "attemptCount",
            least(${deadLetter.replayCount}, 2147483647)::integer as "replayCount",
            ${deadLetter.storedBytes} as "storedBytes",
            case when octet_length(o.text) <= ${maxListedBytes} then o.text end as "originalMessage"
       from page d
       left join lateral (
         select ${deadLetter.original}::text as text
          where ${withMessages} and ${deadLetter.storedBytes} <= ${maxListedBytes}
       ) o on true`,
    values.all,
  );
  return rows;
}
