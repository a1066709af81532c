import type { LetterKey } from "./cursor.ts";
import type { LetterFilter, ResolvedFilter } from "./filter.ts";
import * as letter from "./letter-sql.ts";
import { type LetterScope, type Place, placesOf } from "./place.ts";
import { assertReasonsKnown, resolveFilter } from "./resolve-filter.ts";

/** Letters of one read together, as they are stored: what an export holds in memory. */
const maxReadBytes = 4 * 1024 * 1024;

/**
 * The letters that a filter selects, each as one line of JSON that {@link importLetters} takes; oldest
 * first, place by place. Their JSON is as the database has it. Changes nothing, and locks nothing: a
 * letter that is moved meanwhile may be in it or not.
 *
 * @param options.reasonsAreKnown leaves out to ask whether there can be letters of the filter's reasons.
 * @throws {SelectionError}
 */
export async function* exportLetters(
  scope: LetterScope,
  filter: LetterFilter,
  { reasonsAreKnown = false }: { readonly reasonsAreKnown?: boolean } = {},
): AsyncGenerator<string> {
  if (!reasonsAreKnown) await assertReasonsKnown(scope, filter);
  for (const place of placesOf(scope)) {
    const resolved = await resolveFilter(place.source, filter, { boundedByNow: true });
    let after: LetterKey | undefined;
    for (;;) {
      const rows = await readSome(place, resolved, after);
      for (const row of rows) yield formatLine(place, row);
      after = rows.at(-1);
      if (after === undefined) break;
    }
  }
}

interface Row extends LetterKey {
  readonly headers: string | null;
  readonly body: string | null;
}

async function readSome(
  { source, queue, tables }: Place,
  filter: ResolvedFilter,
  after: LetterKey | undefined,
): Promise<readonly Row[]> {
  const values = new letter.Values();
  const conditions = [letter.conditionsOf(filter, values, queue)];
  if (after !== undefined) conditions.push(letter.comparedWith(after, values));
  const { rows } = await source.pool.query<Row>(
    `with page as materialized (
       select d.msg_id, d.enqueued_at, d.message, d.headers, ${letter.storedBytes} as bytes
         from ${tables.letters} d
        where ${conditions.join("\n          and ")}
        order by d.enqueued_at, d.msg_id
        limit 500
     ), fitting as (
       select p.*, sum(p.bytes) over (order by p.enqueued_at, p.msg_id) as running from page p
     )
     select d.msg_id::text as id, ${letter.storedInstant("d.enqueued_at")} as at,
            d.headers::text as headers, d.message::text as body
       from fitting d
      where d.running <= ${maxReadBytes} or d.running = d.bytes
      order by d.enqueued_at, d.msg_id`,
    values.all,
  );
  return rows;
}

function formatLine({ source, queue }: Place, { id, at, headers, body }: Row): string {
  const place = JSON.stringify({ source: source.name, source_id: source.sourceId, queue });
  const key = JSON.stringify({ id, enqueued_at: at });
  return `${place.slice(0, -1)},${key.slice(1, -1)},"headers":${headers ?? "null"},"letter":${body ?? "null"}}`;
}
