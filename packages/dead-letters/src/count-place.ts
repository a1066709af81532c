import type { Left } from "./actions/progress.ts";
import type { ResolvedFilter } from "./filter.ts";
import { conditionsOf, hasOriginal, Values } from "./letter-sql.ts";
import type { Place } from "./place.ts";

/** How many letters of one queue a filter selects, and how many of them have no message that could be sent again. */
export async function countPlace(
  { source, queue, tables }: Place,
  filter: ResolvedFilter,
): Promise<Left> {
  const values = new Values();
  const { rows } = await source.pool.query<Left>(
    `select count(*)::double precision as remaining,
            (count(*) filter (where not ${hasOriginal}))::double precision as refused
       from ${tables.letters} d
      where ${conditionsOf(filter, values, queue)}`,
    values.all,
  );
  return rows[0] as Left;
}
