import { planAction, readAction } from "@centralcloud/central";
import { isArchivedHere } from "@centralcloud/db";
import type { Pool } from "pg";
import { expectedOf, planParts } from "./actions/plan-parts.ts";
import { type ActionPartOf, runAction } from "./actions/run-action.ts";
import { ActionSession } from "./actions/session.ts";
import type { CountedDeadLetters } from "./count-place.ts";
import { instant } from "./dead-letter-sql.ts";
import { DeadLetterNotFoundError, SelectionError } from "./errors.ts";
import { type DeadLetterFilter, parseDeadLetterId, selectsAll } from "./filter.ts";
import { severalPlaces } from "./find-dead-letter.ts";
import { type DeadLetterScope, type Place, placesOf } from "./place.ts";
import { resolveFilter } from "./resolve-filter.ts";
import {
  type ArchivedSelection,
  countArchived,
  isNamed,
  ownId,
  restoreStep,
} from "./restore-chunk.ts";
import { assertMayAct } from "./rights.ts";
import type { DeadLetterActionOptions, DeadLetterActionReport } from "./run-dead-letter-action.ts";

/** Which discarded dead letters are to come back: those of an action, of a filter, or by id; all conditions must be met. */
export interface RestoreSelection {
  readonly filter: DeadLetterFilter;
  /** The discard that is undone. */
  readonly action?: string;
}

export interface RestoreReport extends Omit<DeadLetterActionReport, "settledBefore" | "stopped"> {
  /** Those of them that got another id, because theirs was not free. */
  readonly renumbered: number;
  /** Dead letters that were named, and wait in their dead-letter queue anyway. */
  readonly present: readonly string[];
}

/**
 * Undoes discards: moves dead letters from the archive back to their dead-letter queue, in one transaction a chunk, with the
 * ids, times, counts and headers that they had. A dead letter whose id is not free gets another one, as an import gives it.
 * Dead letters that were replayed stay: their messages were sent.
 *
 * @throws {SelectionError} {@link DeadLetterNotFoundError} {@link MissingRightsError} before any change.
 */
export async function restoreDeadLetters(
  scope: DeadLetterScope,
  selection: RestoreSelection,
  options: DeadLetterActionOptions,
): Promise<RestoreReport> {
  const { central, request, signal, rate, onProgress } = options;
  await assertMayAct(placesOf(scope), restoreStep, central);
  const starts = await startsOf(selection.action, central);
  const { parts, present } = await planRestore(scope, selection, options, starts);
  const until = Object.fromEntries(
    parts.map(({ place, selection: { archivedUntil } }) => [place.source.name, archivedUntil]),
  );
  const places = parts.map(({ place }) => place);
  const planned = await planParts(parts, restoreStep);
  const action = await planAction(central, {
    action: "restore",
    request,
    selection: {
      ...selection.filter,
      ...(selection.action === undefined ? {} : { action: selection.action }),
      sources: [...new Set(places.map(({ source }) => source.name))],
      queues: [...new Set(places.map(({ queue }) => queue))],
      ...(options.all ? { all: true } : {}),
      bounds: until,
    },
    parts: planned,
    ...(rate === undefined ? {} : { rate }),
  });
  const session = await ActionSession.claim(central, action);
  const result = await runAction(session, restoreStep, parts, {
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress, expected: expectedOf(planned) } : {}),
  });
  const { state, moved, remaining, interrupted, detail } = result;
  const { renumbered = 0 } = detail;
  return { actionId: action.id, state, moved, renumbered, present, remaining, interrupted, until };
}

/** How many dead letters a restore would find, without any change. @throws {SelectionError} {@link DeadLetterNotFoundError} */
export async function countRestorable(
  scope: DeadLetterScope,
  selection: RestoreSelection,
  options: Pick<DeadLetterActionOptions, "all" | "isNarrowed">,
): Promise<number> {
  const counts = await countRestorableOfQueues(scope, selection, options);
  return counts.reduce((sum, { count }) => sum + count, 0);
}

/** The same for each queue of each source. @throws {SelectionError} {@link DeadLetterNotFoundError} */
export async function countRestorableOfQueues(
  scope: DeadLetterScope,
  selection: RestoreSelection,
  options: Pick<DeadLetterActionOptions, "all" | "isNarrowed">,
): Promise<readonly CountedDeadLetters[]> {
  const { parts } = await planRestore(scope, selection, options, new Map());
  const counts: CountedDeadLetters[] = [];
  for (const { place, selection: kept } of parts) {
    const { sourceId, name: source } = place.source;
    counts.push({ source, sourceId, queue: place.queue, count: await countArchived(place, kept) });
  }
  return counts;
}

/** When a discard began, by the clock of each source; an archive is found by time. */
async function startsOf(
  id: string | undefined,
  central: Pool,
): Promise<ReadonlyMap<string, string>> {
  if (id === undefined) return new Map();
  const action = await readAction(central, id);
  if (action === undefined) {
    throw new SelectionError(`there is no action ${id}; see \`centralcloud actions list\``);
  }
  if (action.kind !== "discard") {
    throw new SelectionError(`action ${id} is a ${action.kind}: only discards can be undone`);
  }
  return new Map(
    action.parts.flatMap(({ sourceId, queue, startedAt }) =>
      startedAt === null ? [] : [[`${sourceId}/${queue}`, startedAt] as const],
    ),
  );
}

async function planRestore(
  scope: DeadLetterScope,
  { filter, action }: RestoreSelection,
  { all = false, isNarrowed = false }: Pick<DeadLetterActionOptions, "all" | "isNarrowed">,
  starts: ReadonlyMap<string, string>,
) {
  if (selectsAll(filter) && action === undefined && !all && !isNarrowed) {
    throw new SelectionError(
      "this selects every discarded dead letter; say so with `all`, or give an action or a filter",
    );
  }
  const { places, present } = await locateDiscarded(placesOf(scope), filter);
  const parts: ActionPartOf<ArchivedSelection>[] = [];
  for (const place of places) {
    const resolved = await resolveFilter(place.source, filter, { boundedByNow: false });
    const { rows } = await place.source.pool.query<{ now: string }>(
      `select ${instant("clock_timestamp()")} as now`,
    );
    const start = starts.get(`${place.source.sourceId}/${place.queue}`);
    const selection = {
      ...resolved,
      ...(action === undefined ? {} : { action }),
      ...(start === undefined ? {} : { archivedSince: start }),
      archivedUntil: rows[0]?.now ?? "",
    };
    parts.push({ place, selection });
  }
  return { parts, present };
}

/** Where the dead letters are that are named by id: each must be a discarded one, or wait already. */
async function locateDiscarded(
  places: readonly Place[],
  { ids }: DeadLetterFilter,
): Promise<{ readonly places: readonly Place[]; readonly present: readonly string[] }> {
  if (ids === undefined) return { places, present: [] };
  const wanted = [...new Set(ids.map(parseDeadLetterId))];
  const found = new Map<string, { place: Place; state: string }[]>();
  for (const place of places) {
    const { rows } = await place.source.pool.query<{ id: string; state: string }>(
      `select d.msg_id::text as id, 'waiting' as state from ${place.tables.deadLetters} d
        where d.msg_id = any ($1::bigint[])
        union all
       select ${ownId}, coalesce(d.headers ->> 'action', 'archived') from ${place.tables.deadLetterArchive} d
        where ${isNamed("$1")} and ${isArchivedHere("d")}`,
      [wanted],
    );
    for (const { id, state } of rows) found.set(id, [...(found.get(id) ?? []), { place, state }]);
  }
  const problems: string[] = [];
  const present: string[] = [];
  const used = new Set<Place>();
  for (const id of wanted) {
    const deadLetters = found.get(id) ?? [];
    const discarded = deadLetters.filter(({ state }) => state === "discard");
    const among = new Set(discarded.map(({ place }) => place));
    if (among.size > 1) throw severalPlaces(`dead letter ${id}`, discarded);
    const [one] = among;
    if (one !== undefined) used.add(one);
    else if (deadLetters.some(({ state }) => state === "waiting")) present.push(id);
    else if (deadLetters.some(({ state }) => state === "replay"))
      problems.push(
        `dead letter ${id} was replayed, so its message was sent: there is no discard to undo`,
      );
    else problems.push(`there is no discarded dead letter ${id}`);
  }
  if (problems.length > 0) throw new DeadLetterNotFoundError(problems.join("; "));
  return { places: places.filter((place) => used.has(place)), present };
}
