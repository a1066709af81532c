import type { QueueName } from "@centralcloud/contracts";
import type { Left } from "./actions/progress.ts";
import { conditionsOf, hasOriginal, Values } from "./dead-letter-sql.ts";
import type { DeadLetterFilter, ResolvedFilter } from "./filter.ts";
import { type DeadLetterScope, type Place, placeOf, placesOf } from "./place.ts";
import { resolveFilter } from "./resolve-filter.ts";

/** How many dead letters of one queue a filter selects, and how many of them have no message that could be sent again. */
export async function countPlace(
  { source, queue, tables }: Place,
  filter: ResolvedFilter,
): Promise<Left> {
  const values = new Values();
  const { rows } = await source.pool.query<Left>(
    `select count(*)::double precision as remaining,
            (count(*) filter (where not ${hasOriginal}))::double precision as refused
       from ${tables.deadLetters} d
      where ${conditionsOf(filter, values, queue)}`,
    values.all,
  );
  return rows[0] as Left;
}

/** How many dead letters of one queue of one source a filter selects. */
export interface CountedDeadLetters {
  readonly source: string;
  readonly sourceId: string;
  readonly queue: QueueName;
  readonly count: number;
}

/** Counts those that a filter selects, queue by queue; a number for each. @throws {SelectionError} */
export async function countDeadLetters(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
): Promise<readonly CountedDeadLetters[]> {
  const counts: CountedDeadLetters[] = [];
  for (const source of scope.sources) {
    const resolved = await resolveFilter(source, filter, { boundedByNow: false });
    for (const queue of scope.queues) {
      const { remaining: count } = await countPlace(placeOf(source, queue), resolved);
      counts.push({ source: source.name, sourceId: source.sourceId, queue, count });
    }
  }
  return counts;
}

/** Looks at one dead letter of each queue: so a lock on one, or a missing right, is met before more is asked. */
export async function locateWaiting(scope: DeadLetterScope): Promise<void> {
  for (const { source, tables } of placesOf(scope)) {
    await source.pool.query(`select from ${tables.deadLetters} limit 1`);
  }
}
