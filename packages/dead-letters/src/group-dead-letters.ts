import type { QueueName } from "@centralcloud/contracts";
import type { PoolClient } from "pg";
import * as deadLetter from "./dead-letter-sql.ts";
import { describeGroups, type GroupWords, type SampleCheckResult } from "./describe-groups.ts";
import type { DeadLetterFilter, ResolvedFilter } from "./filter.ts";
import type { JudgeOptions } from "./judge-message.ts";
import { type DeadLetterScope, type Place, placesOf } from "./place.ts";
import { resolveFilter } from "./resolve-filter.ts";
import { inTransaction } from "./transaction.ts";

/** Dead letters of one queue, at all sources of the scope, that failed with the same. Nothing in it is of a message. */
export interface DeadLetterGroup extends GroupWords {
  /** What `--fingerprint` takes; the same at every source. */
  readonly fingerprint: string;
  readonly queue: QueueName;
  readonly count: number;
  /** Whether there may be more: so many of the newest were counted. */
  readonly isBound: boolean;
  readonly oldestAt: string;
  readonly newestAt: string;
  /** The newest first, by the source's clock in UTC; only hours with dead letters, and only dead letters that were counted. */
  readonly hours: readonly DeadLettersOfHour[];
  readonly sources: readonly DeadLettersOfSource[];
}

export interface DeadLettersOfHour {
  readonly at: string;
  readonly count: number;
}

export interface DeadLettersOfSource {
  readonly source: string;
  readonly sourceId: string;
  readonly count: number;
  readonly isBound: boolean;
}

export interface DeadLetterGroups {
  /** The largest first. */
  readonly groups: readonly DeadLetterGroup[];
  /** How many dead letters are in groups beyond the limit, as far as they were counted. */
  readonly others: number;
  /** Whether some queue has more groups than {@link maxGroupsOfPlace}, so that some are not told at all. */
  readonly isBound: boolean;
}

export interface GroupOptions {
  /** Groups at most. */
  readonly limit: number;
  /** How a sample of each group is judged; default: it is not. Seals are not tried, which takes a while for each. */
  readonly judge?: Omit<JudgeOptions, "checkSeal">;
}

/** So many groups are taken from each queue of each source, so that odd errors can't fill the memory. */
const maxGroupsOfPlace = 1000;

/** Dead letters that are counted of one queue of a source, each of its groups having the same share. */
const maxCounted = 200_000;
/** What each group has in any case. */
const minCounted = 200;

/**
 * Counts dead letters by what they failed with. Where a filter does not say more than time and fingerprint, all comes from
 * the index of fingerprints; counting ends at a bound, which is told.
 *
 * @throws {SelectionError}
 */
export async function groupDeadLetters(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  options: GroupOptions,
): Promise<DeadLetterGroups> {
  const found: DeadLetterGroups[] = [];
  for (const place of placesOf(scope)) found.push(await groupPlace(place, filter, options));
  return mergeGroups(found, maxGroupsOfPlace);
}

/** The largest groups of what several places, or several sources, have counted. */
export function mergeGroups(found: readonly DeadLetterGroups[], limit: number): DeadLetterGroups {
  const groups = new Map<string, DeadLetterGroup>();
  for (const group of found.flatMap((one) => one.groups)) {
    const key = `${group.queue} ${group.fingerprint}`;
    const before = groups.get(key);
    groups.set(key, before === undefined ? group : add(before, group));
  }
  const largest = [...groups.values()].sort(
    (one, other) => other.count - one.count || (one.newestAt < other.newestAt ? 1 : -1),
  );
  const left = largest.splice(limit).reduce((sum, { count }) => sum + count, 0);
  return {
    groups: largest,
    others: found.reduce((sum, { others }) => sum + others, left),
    isBound: found.some(({ isBound }) => isBound),
  };
}

function add(one: DeadLetterGroup, other: DeadLetterGroup): DeadLetterGroup {
  const [newer, older] = one.newestAt < other.newestAt ? [other, one] : [one, other];
  const [oldestAt = ""] = [one.oldestAt, other.oldestAt].sort();
  const counts = new Map<string, number>();
  for (const { at, count } of [...one.hours, ...other.hours]) {
    counts.set(at, (counts.get(at) ?? 0) + count);
  }
  const hours = Array.from(counts, ([at, count]) => ({ at, count }));
  return {
    ...newer,
    count: one.count + other.count,
    isBound: one.isBound || other.isBound,
    oldestAt,
    hours: hours.sort((first, second) => (first.at < second.at ? 1 : -1)),
    sources: [...one.sources, ...other.sources].sort((first, second) => second.count - first.count),
    now:
      newer.now === null || older.now === null
        ? (newer.now ?? older.now)
        : sum(newer.now, older.now),
  };
}

function sum(one: SampleCheckResult, other: SampleCheckResult): SampleCheckResult {
  return {
    sampled: one.sampled + other.sampled,
    accepted: one.accepted + other.accepted,
    refused: one.refused + other.refused,
    unknown: one.unknown + other.unknown,
  };
}

/** In one snapshot of its source, so that counts and times of a group are of the same dead letters. */
async function groupPlace(
  place: Place,
  filter: DeadLetterFilter,
  { limit, judge }: GroupOptions,
): Promise<DeadLetterGroups> {
  const resolved = await resolveFilter(place.source, filter, { boundedByNow: false });
  return await inTransaction(place.source.pool, async (client) => {
    // Compiling these statements takes longer than running them.
    await client.query("set transaction isolation level repeatable read, read only");
    await client.query("set local jit = off");
    const { names, isBound } = await readNames(client, place, resolved);
    const counted = await countGroups(client, place, resolved, names);
    counted.sort(
      (one, other) => other.count - one.count || (one.newestAt < other.newestAt ? 1 : -1),
    );
    const shown = counted.slice(0, limit);
    const described = await describeGroups(client, place, resolved, shown, judge);
    const groups = shown.flatMap((group) => {
      const words = described.get(group.fingerprint);
      return words === undefined ? [] : [groupOf(place, group, words)];
    });
    const others = counted.slice(limit).reduce((all, { count }) => all + count, 0);
    return { groups, others, isBound };
  });
}

/** The fingerprints of a queue's dead letters, by hopping from one to the next in the index. */
async function readNames(
  client: PoolClient,
  { queue, tables }: Place,
  { fingerprints }: ResolvedFilter,
): Promise<{ readonly names: readonly string[]; readonly isBound: boolean }> {
  if (fingerprints !== undefined) return { names: [...new Set(fingerprints)], isBound: false };
  const name = deadLetter.fingerprint(queue);
  const { rows } = await client.query<{ name: string }>(
    `with recursive found (name) as (
       (select ${name} from ${tables.deadLetters} d order by ${name} limit 1)
       union all
       select (select ${name} from ${tables.deadLetters} d where ${name} > f.name order by ${name} limit 1)
         from found f
        where f.name is not null
     )
     select f.name from found f where f.name is not null limit ${maxGroupsOfPlace + 1}`,
  );
  const names = rows.map((row) => row.name);
  return { names: names.slice(0, maxGroupsOfPlace), isBound: names.length > maxGroupsOfPlace };
}

interface Counted {
  readonly fingerprint: string;
  readonly count: number;
  readonly isBound: boolean;
  readonly oldestAt: string;
  readonly newestAt: string;
  readonly hours: readonly DeadLettersOfHour[];
}

/** First so few of each that most groups are whole; what these leave of the bound is for those that are not. */
async function countGroups(
  client: PoolClient,
  place: Place,
  filter: ResolvedFilter,
  names: readonly string[],
): Promise<Counted[]> {
  const counted = await countNewest(client, place, filter, names, minCounted);
  const large = counted.filter(({ isBound }) => isBound).map(({ fingerprint }) => fingerprint);
  if (large.length === 0) return counted;
  const share = Math.floor(maxCounted / large.length);
  if (share <= minCounted) return counted;
  const again = await countNewest(client, place, filter, large, share);
  return [...counted.filter(({ isBound }) => !isBound), ...again];
}

async function countNewest(
  client: PoolClient,
  { queue, tables }: Place,
  { since, until, fingerprints: _, ...content }: ResolvedFilter,
  names: readonly string[],
  most: number,
): Promise<Counted[]> {
  const values = new deadLetter.Values();
  const name = deadLetter.fingerprint(queue);
  const times = {
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
    pathIsPredicate: false,
  };
  const isMeant = deadLetter.conditionsOf(content, values, queue);
  const isOfTime = deadLetter.conditionsOf(times, values, queue);
  const { rows } = await client.query<Counted>(
    `select f.name as fingerprint, g.count::double precision as count, g.looked = ${most} as "isBound",
            ${deadLetter.storedInstant("coalesce(o.enqueued_at, g.oldest)")} as "oldestAt",
            ${deadLetter.storedInstant("g.newest")} as "newestAt", g.hours
       from unnest(${values.add(names)}::text[]) f (name)
      cross join lateral (
        select sum(h.looked) as looked, sum(h.count) as count, min(h.oldest) as oldest, max(h.newest) as newest,
               coalesce(jsonb_agg(jsonb_build_object('at', ${deadLetter.instant("h.hour")}, 'count', h.count) order by h.hour desc)
                          filter (where h.count > 0 and isfinite(h.hour)), '[]') as hours
          from (
            select date_bin('1 hour', x.enqueued_at, '2000-01-01T00:00:00Z') as hour, count(*) as looked, count(*) filter (where x.is_meant) as count,
                   min(x.enqueued_at) filter (where x.is_meant) as oldest,
                   max(x.enqueued_at) filter (where x.is_meant) as newest
              from (
                select d.enqueued_at, ${isMeant} as is_meant
                  from ${tables.deadLetters} d
                 where ${name} = f.name and ${isOfTime}
                 order by d.enqueued_at desc, d.msg_id desc
                 limit ${most}
              ) x
             group by 1
          ) h
      ) g
       left join lateral (
         select d.enqueued_at
           from ${tables.deadLetters} d
          where ${name} = f.name and ${isOfTime} and ${isMeant === "true"} and g.looked = ${most}
          order by d.enqueued_at, d.msg_id
          limit 1
       ) o on true
      where g.count > 0`,
    values.all,
  );
  return rows;
}

/** Of a trend, the last week is enough. */
const maxHours = 168;

function groupOf({ source, queue }: Place, counted: Counted, words: GroupWords): DeadLetterGroup {
  const { fingerprint, count, isBound, oldestAt, newestAt, hours } = counted;
  const { sourceId, name } = source;
  return {
    fingerprint,
    queue,
    ...words,
    count,
    isBound,
    oldestAt,
    newestAt,
    hours: hours.slice(0, maxHours).map(({ at, count: many }) => {
      return { at: `${at.slice(0, 19)}Z`, count: many };
    }),
    sources: [{ source: name, sourceId, count, isBound }],
  };
}
