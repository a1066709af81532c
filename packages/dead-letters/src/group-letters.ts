import type { QueueName } from "@centralcloud/contracts";
import type { LetterFilter } from "./filter.ts";
import * as letter from "./letter-sql.ts";
import { type LetterScope, type Place, placesOf } from "./place.ts";
import { resolveFilter } from "./resolve-filter.ts";

/** Letters of one queue, at all sources of the scope, that died of the same. */
export interface LetterGroup {
  readonly queue: QueueName;
  readonly reason: string | null;
  readonly code: string | null;
  /** Without the places in lists: `agents[].confidence` stands for each of them. */
  readonly error: string | null;
  readonly count: number;
  readonly oldestAt: string;
  readonly newestAt: string;
}

export interface LetterGroups {
  /** The largest first. */
  readonly groups: readonly LetterGroup[];
  /** How many letters are in groups beyond the limit. */
  readonly others: number;
}

/** So many groups are taken from each queue of each source, so that odd errors can't fill the memory. */
export const maxGroupsOfPlace = 1000;

/**
 * Counts letters by why they died. Looks at every letter that the filter selects.
 *
 * @throws {SelectionError}
 */
export async function groupLetters(
  scope: LetterScope,
  filter: LetterFilter,
  { limit }: { readonly limit: number },
): Promise<LetterGroups> {
  const found: LetterGroups[] = [];
  for (const place of placesOf(scope)) found.push(await groupPlace(place, filter));
  return mergeGroups(found, limit);
}

/** The largest groups of what several places, or several sources, have counted. */
export function mergeGroups(found: readonly LetterGroups[], limit: number): LetterGroups {
  const groups = new Map<string, LetterGroup>();
  for (const group of found.flatMap((one) => one.groups)) {
    const key = JSON.stringify([group.queue, group.reason, group.code, group.error]);
    const before = groups.get(key);
    groups.set(key, before === undefined ? group : add(before, group));
  }
  const largest = [...groups.values()].sort(
    (one, other) => other.count - one.count || (one.newestAt < other.newestAt ? 1 : -1),
  );
  const left = largest.splice(limit).reduce((sum, { count }) => sum + count, 0);
  return { groups: largest, others: found.reduce((sum, { others }) => sum + others, left) };
}

function add(one: LetterGroup, other: LetterGroup): LetterGroup {
  const count = one.count + other.count;
  const [oldestAt = ""] = [one.oldestAt, other.oldestAt].sort();
  const newestAt = [one.newestAt, other.newestAt].sort().at(-1) ?? "";
  return { ...one, count, oldestAt, newestAt };
}

async function groupPlace(
  { source, queue, tables }: Place,
  filter: LetterFilter,
): Promise<LetterGroups> {
  const resolved = await resolveFilter(source, filter, { boundedByNow: false });
  const values = new letter.Values();
  const { rows } = await source.pool.query<LetterGroup & { readonly total: number }>(
    `select ${values.add(queue)}::text as queue, g.reason, g.code, g.error,
            g.count::double precision as count,
            ${letter.storedInstant("g.oldest")} as "oldestAt", ${letter.storedInstant("g.newest")} as "newestAt",
            (sum(g.count) over ())::double precision as total
       from (
         select left(${letter.reason}, 200) as reason, left(${letter.errorCode}, 200) as code,
                regexp_replace(left(${letter.errorMessage}, 500), '\\[\\d+\\]', '[]', 'g') as error,
                count(*) as count, min(d.enqueued_at) as oldest, max(d.enqueued_at) as newest
           from ${tables.letters} d
          where ${letter.conditionsOf(resolved, values)}
          group by 1, 2, 3
       ) g
      order by g.count desc
      limit ${maxGroupsOfPlace}`,
    values.all,
  );
  const shown = rows.reduce((sum, { count }) => sum + count, 0);
  return {
    groups: rows.map(({ total: _, ...group }) => group),
    others: (rows[0]?.total ?? 0) - shown,
  };
}
