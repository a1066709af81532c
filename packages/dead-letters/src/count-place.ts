import type { ResolvedFilter } from "./filter.ts";
import { conditionsOf, Values } from "./letter-sql.ts";
import type { Place } from "./place.ts";

/** How many letters of one queue a filter selects. */
export async function countPlace(
  { source, tables }: Place,
  filter: ResolvedFilter,
): Promise<number> {
  const values = new Values();
  const { rows } = await source.pool.query<{ count: string }>(
    `select count(*) as count from ${tables.letters} d where ${conditionsOf(filter, values)}`,
    values.all,
  );
  return Number(rows[0]?.count ?? 0);
}
