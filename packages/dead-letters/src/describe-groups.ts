import { type Issue, isContractPath, issueCodes, maskErrorText } from "@centralcloud/contracts";
import type { PoolClient } from "pg";
import * as deadLetter from "./dead-letter-sql.ts";
import type { ResolvedFilter } from "./filter.ts";
import { type JudgedDeadLetter, type JudgeOptions, wouldBeAccepted } from "./judge-message.ts";
import type { Place } from "./place.ts";

/** Of a sample, how many would be accepted, refused again, and of how many that can't be told without a key ring. */
export interface SampleCheckResult {
  readonly sampled: number;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
}

/** Newest dead letters of a group that are judged. */
const sampleSize = 20;
/** Longer messages are in no sample, in bytes of their text. */
const maxSampledBytes = 16_384;

/** What the newest dead letter of a group says, and what would become of a sample of the newest. Nothing in it is of a message. */
export interface GroupWords {
  readonly reason: string | null;
  readonly code: string | null;
  /** Without the places in lists, `agents[].confidence` stands for each of them; masked. */
  readonly error: string | null;
  /** What the contract finds, each once. */
  readonly issues: readonly Pick<Issue, "path" | "code">[];
  /** What would become of some of the newest now; null where that was not asked. */
  readonly now: SampleCheckResult | null;
}

interface Sampled extends JudgedDeadLetter {
  readonly name: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly error: string | null;
  /** JSON text of the issues; null beyond the first letter, and where they are long. */
  readonly issues: string | null;
}

export async function describeGroups(
  client: PoolClient,
  place: Place,
  filter: ResolvedFilter,
  groups: readonly { readonly fingerprint: string }[],
  judge: Omit<JudgeOptions, "checkSeal"> | undefined,
): Promise<ReadonlyMap<string, GroupWords>> {
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
  const words = new Map<string, GroupWords>();
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
  groups: readonly { readonly fingerprint: string }[],
  size: number,
): Promise<readonly Sampled[]> {
  const values = new deadLetter.Values();
  const isMeant = deadLetter.conditionsOf(filter, values, queue);
  const { rows } = await client.query<Sampled>(
    `select f.name, s.*
       from unnest(${values.add(groups.map((group) => group.fingerprint))}::text[]) f (name)
      cross join lateral (
        select ${deadLetter.shownReason} as reason, ${deadLetter.shownCode} as code,
               left(${deadLetter.errorMessage}, 2000) as error,
               case when row_number() over () = 1 and octet_length((d.message #> '{error,issues}')::text) <= ${maxSampledBytes}
                    then (d.message #> '{error,issues}')::text end as issues,
               ${deadLetter.hasOriginal} as "hasOriginal", octet_length(o.text) as bytes,
               case when octet_length(o.text) <= ${maxSampledBytes} then o.text end as text
          from (
            select d.message, d.enqueued_at, d.msg_id
              from ${tables.deadLetters} d
             where ${deadLetter.fingerprint(queue)} = f.name and ${isMeant}
             order by d.enqueued_at desc, d.msg_id desc
             limit ${size}
          ) d
          left join lateral (
            select ${deadLetter.original}::text as text
             where ${size > 1} and ${deadLetter.storedBytes} <= ${maxSampledBytes}
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
): Promise<SampleCheckResult> {
  const counts = { sampled: 0, accepted: 0, refused: 0, unknown: 0 };
  for (const sampled of sample) {
    // What is too long for a sample is not taken for good or bad.
    if (sampled.hasOriginal && sampled.text === null) continue;
    counts.sampled += 1;
    const accepted = await wouldBeAccepted(place, sampled, judge);
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

function issuesOf(text: string | null): GroupWords["issues"] {
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
