import { deadLetterReasons } from "@centralcloud/contracts";
import { instant, reason } from "./dead-letter-sql.ts";
import { SelectionError } from "./errors.ts";
import { type DeadLetterFilter, parseDeadLetterId, type ResolvedFilter } from "./filter.ts";
import { type DeadLetterScope, type DeadLetterSource, placesOf } from "./place.ts";
import type { TimeBound } from "./time-bound.ts";

/**
 * Makes a filter's times absolute, by the source's clock, and has the source parse the path.
 *
 * @param options.boundedByNow leaves out dead letters that come from now on, so that a run which makes new
 *   ones come ends.
 * @throws {SelectionError}
 */
export async function resolveFilter(
  { pool }: DeadLetterSource,
  filter: DeadLetterFilter,
  { boundedByNow }: { readonly boundedByNow: boolean },
): Promise<ResolvedFilter> {
  const { since, until, ids, messageIds, ...rest } = filter;
  const named = {
    ...(ids === undefined ? {} : { ids: ids.map(parseDeadLetterId) }),
    ...(messageIds === undefined ? {} : { messageIds: messageIds.map(parseDeadLetterId) }),
  };
  // Nothing to ask the source about, as with most lists.
  if (!boundedByNow && since === undefined && until === undefined && filter.path === undefined) {
    return { ...rest, ...named, pathIsPredicate: false };
  }
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
  if (row?.since && row.until && row.since > row.until) {
    throw new SelectionError(`nothing is both since ${row.since} and until ${row.until}`);
  }
  return {
    ...rest,
    ...named,
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

/**
 * Those of a filter's reasons that no dead letter can have: neither one of ours, nor one that a dead letter of another client
 * in the scope has.
 */
export async function findUnknownReasons(
  scope: DeadLetterScope,
  { reasons = [] }: DeadLetterFilter,
): Promise<readonly string[]> {
  let unknown = reasons.filter((name) => !deadLetterReasons.some((known) => known === name));
  for (const { source, tables } of placesOf(scope)) {
    if (unknown.length === 0) break;
    const { rows } = await source.pool.query<{ name: string }>(
      `select t.name from unnest($1::text[]) t (name)
        where not exists (select from ${tables.deadLetters} d where ${reason} = t.name)`,
      [unknown],
    );
    unknown = rows.map(({ name }) => name);
  }
  return unknown;
}

/** @throws {SelectionError} where a filter names a reason that no dead letter of the scope can have. */
export async function assertReasonsKnown(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
): Promise<void> {
  const [unknown] = await findUnknownReasons(scope, filter);
  if (unknown !== undefined) throw unknownReason(unknown);
}

export function unknownReason(name: string): SelectionError {
  const known = deadLetterReasons.join(", ");
  return new SelectionError(
    `no dead letter has the reason ${JSON.stringify(name)}; it must be one of ${known}`,
  );
}
