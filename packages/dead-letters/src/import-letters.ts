import {
  type ActionName,
  type ActionRequest,
  type PartFigures,
  planAction,
} from "@centralcloud/central";
import { isQueueName } from "@centralcloud/contracts";
import { isArchivedHere, takeLock } from "@centralcloud/db";
import { wordsOf } from "@centralcloud/service";
import type { Pool } from "pg";
import {
  closeProgress,
  figuresOf,
  lockProgress,
  openProgress,
  saveProgress,
} from "./actions/progress.ts";
import { ActionSession } from "./actions/session.ts";
import { ImportLineError } from "./errors.ts";
import type { OnProgress } from "./pace.ts";
import { type LetterSource, orderOf, type Place, placeOf } from "./place.ts";
import { assertMayAct, type NeededRight } from "./rights.ts";
import { isLetterTime } from "./time-bound.ts";
import { inTransaction } from "./transaction.ts";

export interface ImportOptions {
  readonly central: Pool;
  readonly request: ActionRequest;
  /** Where the lines come from, for the record of the action. */
  readonly origin: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

export interface ImportReport {
  /** Null where there was nothing to do. */
  readonly actionId: string | null;
  /** Letters put back. */
  readonly imported: number;
  /** Those of them that got another id, because theirs was not free. */
  readonly renumbered: number;
  /** Letters that are in their dead-letter queue anyway. */
  readonly present: number;
  /** Those put back that had been replayed: replaying them again sends their message a second time. */
  readonly replayedBefore: number;
  readonly interrupted: boolean;
}

interface Line {
  readonly place: Place;
  readonly id: string;
  readonly at: string;
  readonly text: string;
}

/** A batch ends at so many letters, or so many characters. */
const maxBatch = { letters: 500, characters: 8 * 1024 * 1024 };

/**
 * Puts letters of an export back into their dead-letter queues, under their ids and times. Letters that
 * are there are left alone, so that importing twice imports once.
 *
 * @param openLines gives the lines from the first on; called twice, because every line is checked
 *   before the first is imported.
 * @throws {ImportLineError} {@link MissingRightsError} before any change.
 */
export async function importLetters(
  sources: readonly LetterSource[],
  openLines: () => AsyncIterable<string>,
  { central, request, origin, signal, onProgress }: ImportOptions,
): Promise<ImportReport> {
  const counted = await countLines(parseLines(openLines(), sources));
  const report = { imported: 0, renumbered: 0, present: 0, replayedBefore: 0 };
  if (counted.length === 0) return { actionId: null, ...report, interrupted: false };
  const places = counted.map(({ place }) => place);
  await assertMayAct(places, { needs: neededOf, role: "centralcloud_owner" }, central);

  const letters = counted.reduce((sum, { expected }) => sum + expected, 0);
  const action = await planAction(central, {
    action: "import",
    request,
    selection: { origin, letters },
    parts: counted.map(({ place: { source, queue }, expected }) => {
      return { sourceId: source.sourceId, sourceName: source.name, queue, selection: {}, expected };
    }),
  });
  const session = await ActionSession.claim(central, action);
  try {
    for (const place of places) await openProgress(place, action, session.claimed);
    for await (const batch of batchesOf(parseLines(openLines(), sources))) {
      if (signal?.aborted || session.orders.state !== "running") {
        await session.release(
          "pause",
          "interrupted; give the same command with its file again to continue",
        );
        return { actionId: action.id, ...report, interrupted: true };
      }
      const counts = await importBatch(batch, action, session.runner);
      report.imported += counts.imported;
      report.renumbered += counts.renumbered;
      report.present += batch.length - counts.imported;
      report.replayedBefore += counts.replayedBefore;
      const moved = report.imported + report.present;
      onProgress?.({ actionId: action.id, moved, expected: letters });
      await session.report([counts.figures]);
    }
    for (const place of places) {
      const progress = await closeProgress(place, action, session.runner);
      await session.report([figuresOf(place, progress, { remaining: 0, refused: 0 })]);
    }
    await session.release("finish");
  } catch (error) {
    await session.release("fail", wordsOf(error));
    throw error;
  }
  return { actionId: action.id, ...report, interrupted: false };
}

const neededOf = ({ tables }: Place): readonly NeededRight[] => [
  { table: tables.letters, privileges: ["select", "insert"] },
  { table: tables.letterArchive, privileges: ["select"] },
  { table: "public.centralcloud_locks", privileges: ["select", "insert", "update"] },
];

/** How many letters each place gets; every line is checked on the way. */
async function countLines(
  lines: AsyncIterable<Line>,
): Promise<readonly { readonly place: Place; readonly expected: number }[]> {
  const counts = new Map<string, { place: Place; expected: number }>();
  for await (const { place } of lines) {
    const count = counts.get(orderOf(place)) ?? { place, expected: 0 };
    count.expected += 1;
    counts.set(orderOf(place), count);
  }
  return [...counts.values()];
}

async function* parseLines(
  lines: AsyncIterable<string>,
  sources: readonly LetterSource[],
): AsyncGenerator<Line> {
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (text.trim() !== "") yield parseLine(text, number, sources);
  }
}

/** @throws {ImportLineError} */
function parseLine(text: string, number: number, sources: readonly LetterSource[]): Line {
  const fail = (problem: string) => new ImportLineError(number, problem);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail("is not JSON");
  }
  if (typeof value !== "object" || value === null || !("letter" in value)) {
    throw fail("is not a letter as `dlq export` writes it");
  }
  const { source, source_id, queue, id, enqueued_at } = value as Readonly<Record<string, unknown>>;
  if (typeof queue !== "string" || !isQueueName(queue)) throw fail("names no queue of ours");
  if (typeof id !== "string" || !/^\d{1,18}$/.test(id)) throw fail("has no id in digits");
  if (!isLetterTime(enqueued_at)) throw fail("has no enqueued_at in ISO 8601");
  const owner = sources.find(({ sourceId }) => sourceId === source_id);
  if (owner === undefined) {
    throw fail(
      `comes from source ${String(source)} (${String(source_id)}), which is not connected`,
    );
  }
  return { place: placeOf(owner, queue), id, at: enqueued_at, text };
}

/** Lines of one place after another, in the order of the file. */
async function* batchesOf(lines: AsyncIterable<Line>): AsyncGenerator<readonly [Line, ...Line[]]> {
  let batch: Line[] = [];
  let characters = 0;
  for await (const line of lines) {
    const [first] = batch;
    const isFull = batch.length >= maxBatch.letters || characters > maxBatch.characters;
    if (first !== undefined && (isFull || !isSamePlace(first.place, line.place))) {
      yield [first, ...batch.slice(1)];
      batch = [];
      characters = 0;
    }
    batch.push(line);
    characters += line.text.length;
  }
  const [first] = batch;
  if (first !== undefined) yield [first, ...batch.slice(1)];
}

function isSamePlace(one: Place, other: Place): boolean {
  return one.queue === other.queue && one.source.sourceId === other.source.sourceId;
}

interface Counts {
  readonly imported: number;
  readonly renumbered: number;
  readonly replayedBefore: number;
}

async function importBatch(
  batch: readonly [Line, ...Line[]],
  action: ActionName,
  runner: string,
): Promise<Counts & { readonly figures: PartFigures }> {
  const { place } = batch[0];
  const { source, queue, tables } = place;
  return await inTransaction(source.pool, async (client) => {
    const before = await lockProgress(client, queue, action, runner);
    // Two imports at once would not see each other's letters.
    await takeLock(client, "import dead letters", "another import of dead letters");
    const { rows } = await client.query<Counts>(
      // An id is kept where it is free, and was given away by the queue before: the queue won't give it again.
      `with line as materialized (
         select distinct on (l.id, l.at) l.id, l.at, l.line -> 'letter' as letter,
                nullif(l.line -> 'headers', 'null') as headers
           from unnest($1::bigint[], $2::timestamptz[], $3::jsonb[]) as l (id, at, line)
          order by l.id, l.at
       ), absent as materialized (
         select l.*,
                row_number() over (partition by l.id order by l.at) = 1
                  and l.id <= coalesce(pg_sequence_last_value(pg_get_serial_sequence($4, 'msg_id')::regclass), 0)
                  and not exists (select from ${tables.letters} d where d.msg_id = l.id) as keeps_id,
                exists (select from ${tables.letterArchive} a
                         where a.msg_id = l.id and a.enqueued_at = l.at
                           and a.headers ->> 'action' = 'replay' and ${isArchivedHere("a")}) as replayed
           from line l
          where not exists (select from ${tables.letters} d
                             where d.enqueued_at = l.at
                               and (d.msg_id = l.id or d.headers ->> 'imported_letter_id' = l.id::text))
       ), kept as (
         insert into ${tables.letters} (msg_id, enqueued_at, vt, message, headers)
         overriding system value
         select a.id, a.at, clock_timestamp(), a.letter, a.headers from absent a where a.keeps_id
       ), renumbered as (
         insert into ${tables.letters} (enqueued_at, vt, message, headers)
         select a.at, clock_timestamp(), a.letter,
                case when jsonb_typeof(a.headers) = 'object' then a.headers else '{}' end
                  || jsonb_build_object('imported_letter_id', a.id)
           from absent a where not a.keeps_id
       )
       select count(*)::integer as imported,
              (count(*) filter (where not a.keeps_id))::integer as renumbered,
              (count(*) filter (where a.replayed))::integer as "replayedBefore"
         from absent a`,
      [
        batch.map(({ id }) => id),
        batch.map(({ at }) => at),
        batch.map(({ text }) => text),
        tables.letters,
      ],
    );
    const counts = rows[0] as Counts;
    const { imported, renumbered, replayedBefore } = counts;
    const detail = { renumbered, replayedBefore, present: batch.length - imported };
    await client.query(
      "select public.count_action_part(p_action_key => $1, p_queue => $2, p_runner => $3, p_moved => $4)",
      [action.key, queue, runner, imported],
    );
    const open = { key: action.key, queue, runner };
    const progress = await saveProgress(client, open, before, { detail, last: undefined });
    return { ...counts, figures: figuresOf(place, progress) };
  });
}
