import type { Pool } from "pg";
import type { DeadLetterKey } from "./cursor.ts";
import * as deadLetter from "./dead-letter-sql.ts";
import type { DeadLetterFilter, ResolvedFilter } from "./filter.ts";
import { type JudgedDeadLetter, type JudgeOptions, wouldBeAccepted } from "./judge-message.ts";
import type { SettledDeadLetter } from "./locate-dead-letters.ts";
import type { DeadLetterScope, Place } from "./place.ts";
import { findMergedDeadLetters } from "./replay-dead-letters.ts";
import {
  type DeadLetterAction,
  type DeadLetterActionOptions,
  planDeadLetterAction,
} from "./run-dead-letter-action.ts";
import { encodeDigest, filterDigest, type SeenPart } from "./seen-selection.ts";

/** What an action would do, without any change. */
export interface ActionPreview {
  /** Dead letters that it selects now. */
  readonly deadLetters: number;
  readonly settledBefore: readonly SettledDeadLetter[];
  readonly parts: readonly PreviewedPart[];
  /** The oldest few. */
  readonly sample: readonly PreviewedDeadLetter[];
  /** Of a replay, where the central store answers: of how many the ledger knows the message as merged. */
  readonly ledger: { readonly checked: number; readonly merged: number } | null;
  /** Of a replay: how many of the oldest would be refused again, and of how many that can't be told here. */
  readonly contract: {
    readonly checked: number;
    readonly refused: number;
    readonly unknown: number;
  } | null;
  /** How long it takes at its rate; without one, at what replays usually reach. */
  readonly seconds: number;
  /** The run takes it back, and refuses to do anything where it would find others. */
  readonly digest: string;
}

export interface PreviewedPart {
  readonly source: string;
  readonly sourceId: string;
  readonly queue: string;
  readonly deadLetters: number;
  /** By the source's clock; null where there is no bound. */
  readonly since: string | null;
  readonly until: string;
  /** How much they take in the database. */
  readonly storedBytes: number;
  readonly reasons: readonly {
    readonly reason: string | null;
    readonly code: string | null;
    readonly count: number;
  }[];
}

export interface PreviewedDeadLetter {
  readonly source: string;
  readonly queue: string;
  readonly id: string;
  readonly at: string;
  readonly reason: string | null;
  readonly code: string | null;
}

export interface PreviewOptions
  extends Pick<DeadLetterActionOptions, "all" | "isNarrowed" | "rate"> {
  /** Without it, nothing is said of the ledger. */
  readonly central?: Pool;
  readonly judge: JudgeOptions;
}

const sampleSize = 5;
/** More than so many are not looked up: a preview must answer. */
const maxLedger = 100_000;
const ledgerChunk = 5_000;
const maxContract = 1_000;
/** What replays reach without a rate, in dead letters a second; see docs/operate/dead-letters.md. */
const usualRate = 10_000;

/** @throws {SelectionError} {@link DeadLetterNotFoundError} */
export async function previewDeadLetters(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  action: DeadLetterAction["name"],
  options: PreviewOptions,
): Promise<ActionPreview> {
  const { pending, settledBefore } = await planDeadLetterAction(scope, filter, action, options);
  const parts: PreviewedPart[] = [];
  const seen: SeenPart[] = [];
  const sample: PreviewedDeadLetter[] = [];
  const ledger = { checked: 0, merged: 0 };
  const contract = { checked: 0, refused: 0, unknown: 0 };
  for (const { place, selection } of pending) {
    const { snapshot, ...counted } = await countGroups(place, selection);
    const { source, queue } = place;
    const bounds = { since: selection.since ?? null, until: selection.until ?? "" };
    parts.push({ source: source.name, sourceId: source.sourceId, queue, ...bounds, ...counted });
    const { deadLetters } = counted;
    seen.push({ sourceId: source.sourceId, queue, ...bounds, snapshot, deadLetters });
    if (deadLetters === 0) continue;
    if (sample.length < sampleSize) sample.push(...(await readSample(place, selection)));
    if (action !== "replay") continue;
    if (options.central) await askLedger(place, selection, options.central, ledger);
    await askContract(place, selection, options.judge, contract);
  }
  const deadLetters = parts.reduce((sum, part) => sum + part.deadLetters, 0);
  const isReplay = action === "replay";
  return {
    deadLetters,
    settledBefore,
    parts,
    sample: sample.slice(0, sampleSize),
    ledger: isReplay && options.central !== undefined ? ledger : null,
    contract: isReplay ? contract : null,
    seconds: deadLetters / (options.rate ?? usualRate),
    digest: encodeDigest({ action, filter: filterDigest(filter), parts: seen }),
  };
}

type Counted = Pick<PreviewedPart, "deadLetters" | "storedBytes" | "reasons"> & {
  snapshot: string;
};

/** One statement: what it counts and the snapshot that it tells are of one moment. */
async function countGroups(
  { source, queue, tables }: Place,
  selection: ResolvedFilter,
): Promise<Counted> {
  const values = new deadLetter.Values();
  const { rows } = await source.pool.query<Counted>(
    `with counted as (
       select ${deadLetter.shownReason} as reason, ${deadLetter.shownCode} as code, count(*) as count,
              sum(${deadLetter.storedBytes}) as bytes
         from ${tables.deadLetters} d
        where ${deadLetter.conditionsOf(selection, values, queue)}
        group by 1, 2
     )
     select pg_current_snapshot()::text as snapshot, coalesce(sum(c.count), 0)::double precision as "deadLetters",
            coalesce(sum(c.bytes), 0)::double precision as "storedBytes",
            coalesce(jsonb_agg(jsonb_build_object('reason', c.reason, 'code', c.code, 'count', c.count)
                               order by c.count desc), '[]') as reasons
       from counted c`,
    values.all,
  );
  const [row] = rows as [Counted];
  return { ...row, reasons: row.reasons.slice(0, 100) };
}

async function readSample(place: Place, selection: ResolvedFilter) {
  const columns = `${deadLetter.shownReason} as reason, ${deadLetter.shownCode} as code`;
  const rows = await readOldest<PreviewedDeadLetter>(place, selection, columns, sampleSize);
  const { source, queue } = place;
  return rows.map(({ id, at, reason, code }) => {
    return { source: source.name, queue, id, at, reason, code };
  });
}

async function askLedger(
  place: Place,
  selection: ResolvedFilter,
  central: Pool,
  counts: { checked: number; merged: number },
): Promise<void> {
  const columns = `left(${deadLetter.messageId}, 40) as "originalId",
            left(${deadLetter.enqueuedAt}, 40) as "originalEnqueuedAt"`;
  let after: DeadLetterKey | undefined;
  while (counts.checked < maxLedger) {
    const rows: readonly (DeadLetterKey & {
      readonly originalId: string | null;
      readonly originalEnqueuedAt: string | null;
    })[] = await readOldest(place, selection, columns, ledgerChunk, after);
    counts.checked += rows.length;
    counts.merged += (await findMergedDeadLetters(central, place, rows)).size;
    after = rows.at(-1);
    if (rows.length < ledgerChunk) return;
  }
}

async function askContract(
  place: Place,
  selection: ResolvedFilter,
  judge: JudgeOptions,
  counts: { checked: number; refused: number; unknown: number },
): Promise<void> {
  // One after the other: messages may be long.
  let after: DeadLetterKey | undefined;
  while (counts.checked < maxContract) {
    const columns = `${deadLetter.hasOriginal} as "hasOriginal", octet_length(o.text) as bytes,
            case when octet_length(o.text) <= ${Math.floor(judge.maxMessageBytes)} then o.text end as text`;
    const rows: readonly (DeadLetterKey & JudgedDeadLetter)[] = await readOldest(
      place,
      selection,
      columns,
      50,
      after,
    );
    for (const row of rows) {
      counts.checked += 1;
      const accepted = await wouldBeAccepted(place, row, judge);
      if (accepted === false) counts.refused += 1;
      if (accepted === null) counts.unknown += 1;
    }
    after = rows.at(-1);
    if (rows.length < 50) return;
  }
}

async function readOldest<Row>(
  { source, queue, tables }: Place,
  selection: ResolvedFilter,
  columns: string,
  limit: number,
  after?: DeadLetterKey,
): Promise<readonly (Row & DeadLetterKey)[]> {
  const values = new deadLetter.Values();
  const conditions = [deadLetter.conditionsOf(selection, values, queue)];
  if (after !== undefined) conditions.push(deadLetter.comparedWith(after, values));
  const { rows } = await source.pool.query<Row & DeadLetterKey>(
    `select d.msg_id::text as id, ${deadLetter.instant("d.enqueued_at")} as at, ${columns}
       from ${tables.deadLetters} d
       left join lateral (select ${deadLetter.original}::text as text offset 0) o on true
      where ${conditions.join("\n        and ")}
      order by d.enqueued_at, d.msg_id
      limit ${values.add(limit)}`,
    values.all,
  );
  return rows;
}
