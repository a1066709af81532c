import { SelectionError } from "./errors.ts";
import { type LetterFilter, parseLetterId, type ResolvedFilter } from "./filter.ts";
import { instant } from "./letter-sql.ts";
import type { LetterSource } from "./place.ts";
import type { TimeBound } from "./time-bound.ts";

/**
 * Makes a filter's times absolute, by the source's clock, and has the source parse the path.
 *
 * @param options.boundedByNow leaves out letters that come from now on, so that a run which makes new
 *   ones come ends.
 * @throws {SelectionError}
 */
export async function resolveFilter(
  { pool }: LetterSource,
  filter: LetterFilter,
  { boundedByNow }: { readonly boundedByNow: boolean },
): Promise<ResolvedFilter> {
  const { since, until, ids, ...rest } = filter;
  const { rows } = await pool
    .query<{ since: string | null; until: string | null; path: string | null }>(
      // least and greatest leave null out
      `select ${instant(bound("$1", "$2"))} as since,
              ${instant(`least(${bound("$3", "$4")}, case when $5 then clock_timestamp() end)`)} as until,
              $6::jsonpath::text as path`,
      [...boundValues(since), ...boundValues(until), boundedByNow, filter.path ?? null],
    )
    .catch((error: unknown) => {
      const { code, message } = error as { code?: string; message: string };
      if (filter.path === undefined || !/^(42601|22)/.test(code ?? "")) throw error;
      throw new SelectionError(`${JSON.stringify(filter.path)} is not a jsonpath: ${message}`);
    });
  const [row] = rows;
  return {
    ...rest,
    ...(ids === undefined ? {} : { ids: ids.map(parseLetterId) }),
    ...(row?.since ? { since: row.since } : {}),
    ...(row?.until ? { until: row.until } : {}),
    // PostgreSQL writes a predicate in brackets, or it begins with one of these.
    pathIsPredicate: /^(strict )?(\(|!|exists)/.test(row?.path ?? ""),
  };
}

function bound(at: string, secondsAgo: string): string {
  return `coalesce(${at}::timestamptz, clock_timestamp() - make_interval(secs => ${secondsAgo}::double precision))`;
}

function boundValues(given: TimeBound | undefined): readonly [string | null, number | null] {
  if (given === undefined) return [null, null];
  return "at" in given ? [given.at, null] : [null, given.secondsAgo];
}
