import {
  type Issue,
  isContractPath,
  issueCodes,
  maskErrorText,
  type QueueName,
} from "@centralcloud/contracts";
import type { PoolClient } from "pg";
import type { LetterFilter, ResolvedFilter } from "./filter.ts";
import { type JudgeOptions, judgeMessage } from "./judge-message.ts";
import * as letter from "./letter-sql.ts";
import { type LetterScope, type Place, placesOf } from "./place.ts";
import { resolveFilter } from "./resolve-filter.ts";
import { inTransaction } from "./transaction.ts";

/** Letters of one queue, at all sources of the scope, that failed with the same. Nothing in it is of a message. */
export interface LetterGroup {
  /** What `--fingerprint` takes; the same at every source. */
  readonly fingerprint: string;
  readonly queue: QueueName;
  readonly reason: string | null;
  readonly code: string | null;
  /** Without the places in lists, `agents[].confidence` stands for each of them; masked. */
  readonly error: string | null;
  /** What the contract finds, each once. */
  readonly issues: readonly Pick<Issue, "path" | "code">[];
  readonly count: number;
  /** Whether there may be more: so many of the newest were counted. */
  readonly isBound: boolean;
  readonly oldestAt: string;
  readonly newestAt: string;
  /** The newest first, by the source's clock in UTC; only hours with letters, and only letters that were counted. */
  readonly hours: readonly LettersOfHour[];
  readonly sources: readonly LettersOfSource[];
  /** What would become of some of the newest now; null where that was not asked. */
  readonly now: SampleVerdict | null;
}

export interface LettersOfHour {
  readonly at: string;
  readonly count: number;
}

export interface LettersOfSource {
  readonly source: string;
  readonly sourceId: string;
  readonly count: number;
  readonly isBound: boolean;
}

/** Of a sample, how many would be accepted, refused again, and of how many that can't be told without a key ring. */
export interface SampleVerdict {
  readonly sampled: number;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
}

export interface LetterGroups {
  /** The largest first. */
  readonly groups: readonly LetterGroup[];
  /** How many letters are in groups beyond the limit, as far as they were counted. */
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
export const maxGroupsOfPlace = 1000;

/** Letters that are counted of one queue of a source, each of its groups having the same share. */
const maxCounted = 200_000;
/** What each group has in any case. */
const minCounted = 200;
/** Newest letters of a group that are judged. */
const sampleSize = 20;
/** Longer messages are in no sample, in bytes of their text. */
const maxSampledBytes = 16_384;

/**
 * Counts letters by what they failed with. Where a filter does not say more than time and fingerprint, all comes from
 * the index of fingerprints; counting ends at a bound, which is told.
 *
 * @throws {SelectionError}
 */
export async function groupLetters(
  scope: LetterScope,
  filter: LetterFilter,
  options: GroupOptions,
): Promise<LetterGroups> {
  const found: LetterGroups[] = [];
  for (const place of placesOf(scope)) found.push(await groupPlace(place, filter, options));
  return mergeGroups(found, maxGroupsOfPlace);
}

/** The largest groups of what several places, or several sources, have counted. */
export function mergeGroups(found: readonly LetterGroups[], limit: number): LetterGroups {
  const groups = new Map<string, LetterGroup>();
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

function add(one: LetterGroup, other: LetterGroup): LetterGroup {
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

function sum(one: SampleVerdict, other: SampleVerdict): SampleVerdict {
  return {
    sampled: one.sampled + other.sampled,
    accepted: one.accepted + other.accepted,
    refused: one.refused + other.refused,
    unknown: one.unknown + other.unknown,
  };
}

/** In one snapshot of its source, so that counts and times of a group are of the same letters. */
async function groupPlace(
  place: Place,
  filter: LetterFilter,
  { limit, judge }: GroupOptions,
): Promise<LetterGroups> {
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

/** The fingerprints of a queue's letters, by hopping from one to the next in the index. */
async function readNames(
  client: PoolClient,
  { queue, tables }: Place,
  { fingerprints }: ResolvedFilter,
): Promise<{ readonly names: readonly string[]; readonly isBound: boolean }> {
  if (fingerprints !== undefined) return { names: [...new Set(fingerprints)], isBound: false };
  const name = letter.fingerprint(queue);
  const { rows } = await client.query<{ name: string }>(
    `with recursive found (name) as (
       (select ${name} from ${tables.letters} d order by ${name} limit 1)
       union all
       select (select ${name} from ${tables.letters} d where ${name} > f.name order by ${name} limit 1)
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
  readonly hours: readonly LettersOfHour[];
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
  const values = new letter.Values();
  const name = letter.fingerprint(queue);
  const times = {
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
    pathIsPredicate: false,
  };
  const isMeant = letter.conditionsOf(content, values, queue);
  const isOfTime = letter.conditionsOf(times, values, queue);
  const { rows } = await client.query<Counted>(
    `select f.name as fingerprint, g.count::double precision as count, g.looked = ${most} as "isBound",
            ${letter.storedInstant("coalesce(o.enqueued_at, g.oldest)")} as "oldestAt",
            ${letter.storedInstant("g.newest")} as "newestAt", g.hours
       from unnest(${values.add(names)}::text[]) f (name)
      cross join lateral (
        select sum(h.looked) as looked, sum(h.count) as count, min(h.oldest) as oldest, max(h.newest) as newest,
               coalesce(jsonb_agg(jsonb_build_object('at', ${letter.instant("h.hour")}, 'count', h.count) order by h.hour desc)
                          filter (where h.count > 0 and isfinite(h.hour)), '[]') as hours
          from (
            select date_bin('1 hour', x.enqueued_at, '2000-01-01T00:00:00Z') as hour, count(*) as looked, count(*) filter (where x.is_meant) as count,
                   min(x.enqueued_at) filter (where x.is_meant) as oldest,
                   max(x.enqueued_at) filter (where x.is_meant) as newest
              from (
                select d.enqueued_at, ${isMeant} as is_meant
                  from ${tables.letters} d
                 where ${name} = f.name and ${isOfTime}
                 order by d.enqueued_at desc, d.msg_id desc
                 limit ${most}
              ) x
             group by 1
          ) h
      ) g
       left join lateral (
         select d.enqueued_at
           from ${tables.letters} d
          where ${name} = f.name and ${isOfTime} and ${isMeant === "true"} and g.looked = ${most}
          order by d.enqueued_at, d.msg_id
          limit 1
       ) o on true
      where g.count > 0`,
    values.all,
  );
  return rows;
}

/** What the newest letter of a group says, and how a sample of the newest would fare. */
interface Words extends Pick<LetterGroup, "reason" | "code" | "error" | "issues" | "now"> {}

interface Sampled {
  readonly name: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly error: string | null;
  /** JSON text of the issues; null beyond the first letter, and where they are long. */
  readonly issues: string | null;
  readonly hasOriginal: boolean;
  readonly bytes: number | null;
  readonly text: string | null;
}

async function describeGroups(
  client: PoolClient,
  place: Place,
  filter: ResolvedFilter,
  groups: readonly Counted[],
  judge: GroupOptions["judge"],
): Promise<ReadonlyMap<string, Words>> {
  const rows = await readSamples(
    client,
    place,
    filter,
    groups,
    judge === undefined ? 1 : sampleSize,
  );
  const samples = new Map<string, Sampled[]>();
  for (const row of rows) {
    const sample = samples.get(row.name) ?? [];
    samples.set(row.name, sample);
    sample.push(row);
  }
  const words = new Map<string, Words>();
  for (const [name, sample] of samples) {
    const [newest] = sample as [Sampled];
    const { reason, code, error, issues } = newest;
    const now = judge === undefined ? null : await judgeSample(place, sample, judge);
    words.set(name, { reason, code, error: patternOfError(error), issues: issuesOf(issues), now });
  }
  return words;
}

async function readSamples(
  client: PoolClient,
  { queue, tables }: Place,
  { fingerprints: _, ...filter }: ResolvedFilter,
  groups: readonly Counted[],
  size: number,
): Promise<readonly Sampled[]> {
  const values = new letter.Values();
  const isMeant = letter.conditionsOf(filter, values, queue);
  const { rows } = await client.query<Sampled>(
    `select f.name, s.*
       from unnest(${values.add(groups.map((group) => group.fingerprint))}::text[]) f (name)
      cross join lateral (
        select ${letter.shownReason} as reason, ${letter.shownCode} as code,
               left(${letter.errorMessage}, 2000) as error,
               case when row_number() over () = 1 and octet_length((d.message #> '{error,issues}')::text) <= ${maxSampledBytes}
                    then (d.message #> '{error,issues}')::text end as issues,
               ${letter.hasOriginal} as "hasOriginal", octet_length(o.text) as bytes,
               case when octet_length(o.text) <= ${maxSampledBytes} then o.text end as text
          from (
            select d.message, d.enqueued_at, d.msg_id
              from ${tables.letters} d
             where ${letter.fingerprint(queue)} = f.name and ${isMeant}
             order by d.enqueued_at desc, d.msg_id desc
             limit ${size}
          ) d
          left join lateral (
            select ${letter.original}::text as text
             where ${size > 1} and ${letter.storedBytes} <= ${maxSampledBytes}
            offset 0
          ) o on true
      ) s`,
    values.all,
  );
  return rows;
}

async function judgeSample(
  place: Place,
  sample: readonly Sampled[],
  judge: Omit<JudgeOptions, "checkSeal">,
): Promise<SampleVerdict> {
  const counts = { sampled: 0, accepted: 0, refused: 0, unknown: 0 };
  for (const { hasOriginal, bytes, text } of sample) {
    // What is too long for a sample is not taken for good or bad.
    if (hasOriginal && text === null) continue;
    counts.sampled += 1;
    const { accepted } = hasOriginal
      ? await judgeMessage(place, { text, bytes: bytes ?? 0 }, judge)
      : { accepted: false };
    if (accepted === null) counts.unknown += 1;
    else if (accepted) counts.accepted += 1;
    else counts.refused += 1;
  }
  return counts;
}

/**
 * `agents[].confidence must be between 0 and 1`, of whichever agent, and however many issues follow; and of whichever
 * key, where a seal does not open.
 */
function patternOfError(error: string | null): string | null {
  if (error === null) return null;
  const shown = maskErrorText(error.replace(/ \(and \d+ more\)$/, ""));
  return shown.replaceAll(/\[\d+\]/g, "[]").replaceAll(/ key "[^"]*"/g, ' key "…"');
}

function issuesOf(text: string | null): LetterGroup["issues"] {
  const found: unknown = text === null ? [] : JSON.parse(text);
  if (!Array.isArray(found)) return [];
  const issues = new Map<string, Pick<Issue, "path" | "code">>();
  for (const issue of found) {
    const shown = patternOfIssue(issue);
    if (shown !== undefined) issues.set(`${shown.path} ${shown.code}`, shown);
  }
  return [...issues].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, issue]) => issue);
}

/** Undefined for what is no issue of a contract: other clients may have written anything. */
function patternOfIssue(issue: unknown): Pick<Issue, "path" | "code"> | undefined {
  const { path, code } = Object(issue) as { readonly path?: unknown; readonly code?: unknown };
  const known = issueCodes.find((one) => one === code);
  if (typeof path !== "string" || !isContractPath(path) || known === undefined) return undefined;
  return known === "more" ? undefined : { path: path.replaceAll(/\[\d+\]/g, "[]"), code: known };
}

/** Of a trend, the last week is enough. */
const maxHours = 168;

function groupOf({ source, queue }: Place, counted: Counted, words: Words): LetterGroup {
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
