import {
  type Cursor,
  compareCursors,
  decodeCursor,
  encodeCursor,
} from "@centralcloud/dead-letters";
import type { Answers } from "@centralcloud/service";

/** Some rows of a list that several databases gave, and where the next ones begin. */
export interface Page<Row> {
  /** Newest first. */
  readonly rows: readonly Row[];
  /** Given as `after`, it gets the next page; null on the last one. */
  readonly next: string | null;
}

/** What is asked of a list. */
export interface PageRequest {
  /** Rows of a page, from 1. */
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: string;
}

/** Where a row stands: by time, by its id in its database, and by that. */
export type PlaceOf<Row> = (row: Row) => Cursor;

/**
 * What one database has to give for a page: only rows that stand behind the cursor are of it. One of the same time and
 * id, in another database, may stand behind it, too.
 *
 * @param place that of the database.
 * @throws {SelectionError}
 */
export function boundOf(
  { after }: PageRequest,
  place: string,
): { readonly at: string; readonly id: string; readonly isIncluded: boolean } | undefined {
  if (after === undefined) return undefined;
  const { at, id, place: last } = decodeCursor(after);
  return { at, id, isIncluded: place < last };
}

/**
 * One page of the rows of several databases, each of which gave one row more than the page has, where it has one. No page
 * where none of them answered.
 */
export function mergeRows<Row>(
  asked: Answers<readonly Row[]>,
  limit: number,
  placeOf: PlaceOf<Row>,
): Answers<Page<Row>> {
  if (asked.answers.length === 0) return { ...asked, answers: [] };
  const sorted = asked.answers
    .flat()
    .sort((one, other) => compareCursors(placeOf(other), placeOf(one)));
  const rows = sorted.slice(0, limit);
  const last = sorted.length > limit ? rows.at(-1) : undefined;
  const next = last === undefined ? null : encodeCursor(placeOf(last));
  return { ...asked, answers: [{ rows, next }] };
}
