import type { DeadLetterKey } from "./cursor.ts";
import * as deadLetter from "./dead-letter-sql.ts";
import type { DeadLetterFilter, ResolvedFilter } from "./filter.ts";
import { type DeadLetterScope, type Place, placesOf } from "./place.ts";
import { assertReasonsKnown, resolveFilter } from "./resolve-filter.ts";

/** Dead letters of one read together, as they are stored: what an export holds in memory. */
const maxReadBytes = 4 * 1024 * 1024;

/**
 * The dead letters that a filter selects, each as one line of JSON that {@link importDeadLetters} takes; oldest
 * first, place by place. Their JSON is as the database has it. Changes nothing, and locks nothing: a
 * dead letter that is moved meanwhile may be in it or not.
 *
 * @param options.reasonsAreKnown leaves out to ask whether there can be dead letters of the filter's reasons.
 * @throws {SelectionError}
 */
export async function* exportDeadLetters(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  { reasonsAreKnown = false }: { readonly reasonsAreKnown?: boolean } = {},
): AsyncGenerator<string> {
  if (!reasonsAreKnown) await assertReasonsKnown(scope, filter);
  for (const place of placesOf(scope)) {
    const resolved = await resolveFilter(place.source, filter, { boundedByNow: true });
    let after: DeadLetterKey | undefined;
    for (;;) {
      const rows = await readSome(place, resolved, after);
      for (const row of rows) yield formatLine(place, row);
      after = rows.at(-1);
      if (after === undefined) break;
    }
  }
}

interface Row extends DeadLetterKey {
  readonly headers: string | null;
  readonly body: string | null;
}

async function readSome(
  { source, queue, tables }: Place,
  filter: ResolvedFilter,
  after: DeadLetterKey | undefined,
): Promise<readonly Row[]> {
  const values = new deadLetter.Values();
  const conditions = [deadLetter.conditionsOf(filter, values, queue)];
  if (after !== undefined) conditions.push(deadLetter.comparedWith(after, values));
  const { rows } = await source.pool.query<Row>(
    `with page as materialized (
       select d.msg_id, d.enqueued_at, d.message, d.headers, ${deadLetter.storedBytes} as bytes
         from ${tables.deadLetters} d
        where ${conditions.join("\n          and ")}
        order by d.enqueued_at, d.msg_id
        limit 500
     ), fitting as (
       select p.*, sum(p.bytes) over (order by p.enqueued_at, p.msg_id) as running from page p
     )
     select d.msg_id::text as id, ${deadLetter.storedInstant("d.enqueued_at")} as at,
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
  return `${place.slice(0, -1)},${key.slice(1, -1)},"headers":${headers ?? "null"},"deadLetter":${body ?? "null"}}`;
}
