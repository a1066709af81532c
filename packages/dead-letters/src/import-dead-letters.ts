import {
  type ActionDetails,
  type ActionName,
  type ActionRequest,
  type ActionState,
  planAction,
  readAction,
} from "@centralcloud/central";
import { isArchivedHere, takeLock } from "@centralcloud/db";
import type { Pool, PoolClient } from "pg";
import { readProgress } from "./actions/progress.ts";
import { type ActionStep, type RunResult, runAction } from "./actions/run-action.ts";
import { ActionSession } from "./actions/session.ts";
import { SelectionError } from "./errors.ts";
import {
  type CheckedFile,
  checkLines,
  type ImportLine,
  type OpenLines,
  PlaceLines,
} from "./import-lines.ts";
import { type DeadLetterSource, orderOf, type Place } from "./place.ts";
import type { RateLimitOptions } from "./rate-limit.ts";
import { assertMayAct, type NeededRight } from "./rights.ts";

export interface ImportOptions extends RateLimitOptions {
  readonly central: Pool;
  readonly request: ActionRequest;
  /** Where the lines come from, for the record of the action. */
  readonly origin: string;
}

export interface ImportReport {
  /** Null where there was nothing to do. */
  readonly actionId: string | null;
  readonly state: ActionState;
  /** Dead letters put back. */
  readonly imported: number;
  /** Those of them that got another id, because theirs was not free. */
  readonly renumbered: number;
  /** Dead letters that are in their dead-letter queue anyway. */
  readonly present: number;
  /** Those put back that had been replayed: replaying them again sends their message a second time. */
  readonly replayedBefore: number;
  readonly interrupted: boolean;
}

/**
 * Puts dead letters of an export back into their dead-letter queues, under their ids and times. Dead letters that
 * are there are left alone, so that importing twice imports once. A durable action: wherever it ends,
 * `continueAction` continues behind the last line that was put back, and takes the same file for it.
 *
 * @param openLines gives the lines from the first on; called several times, because every line is checked
 *   before the first is imported.
 * @throws {ImportLineError} {@link MissingRightsError} {@link SelectionError} before any change.
 */
export async function importDeadLetters(
  sources: readonly DeadLetterSource[],
  openLines: OpenLines,
  { central, request, origin, rate, ...options }: ImportOptions,
): Promise<ImportReport> {
  const file = await checkLines(openLines, sources);
  const { digest, counts } = file;
  if (counts.length === 0) return { actionId: null, state: "done", ...nothing, interrupted: false };
  const places = counts.map(({ place }) => place);
  await assertMayAct(places, { needs: neededOf, role: "centralcloud_owner" }, central);

  const deadLetters = counts.reduce((sum, { expected }) => sum + expected, 0);
  const action = await planAction(central, {
    action: "import",
    request,
    selection: { origin, deadLetters, digest },
    parts: counts.map(({ place: { source, queue }, expected }) => {
      return { sourceId: source.sourceId, sourceName: source.name, queue, selection: {}, expected };
    }),
    ...(rate === undefined ? {} : { rate }),
  });
  const known = action.isNew ? undefined : await readAction(central, action.id);
  if (known !== undefined) assertSameFile(known, file);
  if (known !== undefined && known.state !== "planned" && known.state !== "running") {
    return { actionId: known.id, state: known.state, ...recordedOf(known), interrupted: false };
  }
  const step = createImportStep(action, file, openLines, sources);
  const session = await ActionSession.claim(central, action);
  const parts = places.map((place) => ({ place, selection: {} }));
  const result = await runAction(session, step, parts, {
    ...options,
    expected: deadLetters,
  }).finally(() => step.close());
  const { state, interrupted } = result;
  return { actionId: action.id, state, ...countsOf(result), interrupted };
}

const nothing = { imported: 0, renumbered: 0, present: 0, replayedBefore: 0 };

function countsOf({ moved, detail }: Pick<RunResult, "moved" | "detail">): typeof nothing {
  const { renumbered = 0, present = 0, replayedBefore = 0 } = detail;
  return { imported: moved, renumbered, present, replayedBefore };
}

/** What an import under the same idempotency key has done, as its record has it. */
function recordedOf({ moved, parts }: ActionDetails): typeof nothing {
  const sum = (name: string) => parts.reduce((all, { detail }) => all + (detail[name] ?? 0), 0);
  const [renumbered, present] = [sum("renumbered"), sum("present")];
  return { imported: moved, renumbered, present, replayedBefore: sum("replayedBefore") };
}

/** @throws {SelectionError} where an import was begun with another file. */
export function assertSameFile({ id, selection }: ActionDetails, { digest }: CheckedFile): void {
  if (selection.digest === digest) return;
  throw new SelectionError(
    selection.digest === undefined
      ? `action ${id} is of a build that did not note its file: give the command again`
      : `the file is not the one that action ${id} was begun with, or was changed since`,
  );
}

const neededOf = ({ tables }: Place): readonly NeededRight[] => [
  { table: tables.deadLetters, privileges: ["select", "insert"] },
  { table: tables.deadLetterArchive, privileges: ["select"] },
  { table: "public.centralcloud_locks", privileges: ["select", "insert", "update"] },
];

/** An import whose file is open: to be closed at its end. */
export interface ImportStep extends ActionStep<unknown> {
  close(): Promise<void>;
}

/**
 * Puts the lines of a file back, queue after queue. The cursor of a part is the number of its last line, which is saved in
 * the transaction that puts it back: a dead letter that was put back and has left its queue since does not come back twice.
 */
export function createImportStep(
  action: ActionName,
  { counts }: CheckedFile,
  openLines: OpenLines,
  sources: readonly DeadLetterSource[],
): ImportStep {
  const files = new Map(
    counts.map(({ place }) => [orderOf(place), new PlaceLines(openLines, sources, place)]),
  );
  const expected = new Map(counts.map(({ place, ...count }) => [orderOf(place), count.expected]));
  return {
    passes: 1,
    role: "centralcloud_owner",
    needs: neededOf,
    async moveChunk(client, place, _, { after, limit, part }) {
      const number = after === undefined ? 0 : Number(after.id);
      const batch = (await files.get(orderOf(place))?.read(number, limit)) ?? [];
      const last = batch.at(-1);
      if (last === undefined) return { moved: 0, detail: {}, last: undefined };
      // Two imports at once would not see each other's dead letters.
      await takeLock(client, "import dead letters", "another import of dead letters");
      const { imported, renumbered, replayedBefore } = await importBatch(client, place, batch);
      await client.query(
        "select public.count_action_part(p_action_key => $1, p_queue => $2, p_runner => $3, p_moved => $4)",
        [part.key, part.queue, part.runner, imported],
      );
      const detail = { renumbered, replayedBefore, present: batch.length - imported };
      return { moved: imported, detail, last: { at: last.at, id: String(last.number) } };
    },
    async countLeft(place) {
      const progress = await readProgress(place, action);
      const done = (progress?.moved ?? 0) + (progress?.detail.present ?? 0);
      return { remaining: Math.max(0, (expected.get(orderOf(place)) ?? 0) - done), refused: 0 };
    },
    async close() {
      for (const file of files.values()) await file.close();
    },
  };
}

interface Counts {
  readonly imported: number;
  readonly renumbered: number;
  readonly replayedBefore: number;
}

async function importBatch(
  client: PoolClient,
  { tables }: Place,
  batch: readonly ImportLine[],
): Promise<Counts> {
  const { rows } = await client.query<Counts>(
    // An id is kept where it is free, and was given away by the queue before: the queue won't give it again.
    `with line as materialized (
       select distinct on (l.id, l.at) l.id, l.at, l.line -> 'deadLetter' as dead_letter,
              nullif(l.line -> 'headers', 'null') as headers
         from unnest($1::bigint[], $2::timestamptz[], $3::jsonb[]) as l (id, at, line)
        order by l.id, l.at
     ), absent as materialized (
       select l.*,
              row_number() over (partition by l.id order by l.at) = 1
                and l.id <= coalesce(pg_sequence_last_value(pg_get_serial_sequence($4, 'msg_id')::regclass), 0)
                and not exists (select from ${tables.deadLetters} d where d.msg_id = l.id) as keeps_id,
              exists (select from ${tables.deadLetterArchive} a
                       where a.msg_id = l.id and a.enqueued_at = l.at
                         and a.headers ->> 'action' = 'replay' and ${isArchivedHere("a")}) as replayed
         from line l
        where not exists (select from ${tables.deadLetters} d
                           where d.enqueued_at = l.at
                             and (d.msg_id = l.id or d.headers ->> 'imported_letter_id' = l.id::text))
     ), kept as (
       insert into ${tables.deadLetters} (msg_id, enqueued_at, vt, message, headers)
       overriding system value
       select a.id, a.at, clock_timestamp(), a.dead_letter, a.headers from absent a where a.keeps_id
     ), renumbered as (
       insert into ${tables.deadLetters} (enqueued_at, vt, message, headers)
       select a.at, clock_timestamp(), a.dead_letter,
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
      tables.deadLetters,
    ],
  );
  return rows[0] as Counts;
}
