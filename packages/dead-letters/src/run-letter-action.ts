import { type ActionRequest, beginOperatorAction } from "@centralcloud/db";
import type { Pool } from "pg";
import { countPlace } from "./count-place.ts";
import type { LetterKey } from "./cursor.ts";
import { SelectionError } from "./errors.ts";
import { type LetterFilter, type ResolvedFilter, selectsAll } from "./filter.ts";
import { locateLetters, type SettledLetter } from "./locate-letters.ts";
import { createPace, type PaceOptions } from "./pace.ts";
import { type LetterScope, type Place, placesOf } from "./place.ts";
import { resolveFilter } from "./resolve-filter.ts";
import { assertRights, type NeededRight } from "./rights.ts";

/** What an action on letters is given. */
export interface LetterActionOptions extends PaceOptions {
  readonly central: Pool;
  readonly request: ActionRequest;
  /** Needed where the filter selects every letter: nobody should do that by leaving something out. */
  readonly all?: boolean;
}

/** What an action on letters has done. */
export interface LetterActionReport {
  /** Its row in `central.operator_actions`; null where nothing was left to do. */
  readonly actionId: string | null;
  /** Letters it has moved. */
  readonly moved: number;
  /** Letters that were named and that an earlier action had moved. */
  readonly settledBefore: readonly SettledLetter[];
  /** Letters of the selection that are there still: others work on them, or they can't be moved. */
  readonly remaining: number;
  /** Whether it ended before its end; the same call goes on. */
  readonly interrupted: boolean;
  /** By the clock of each source: letters that came later were left alone. */
  readonly until: Readonly<Record<string, string>>;
}

export interface LetterAction {
  readonly name: "replay" | "discard";
  needs(place: Place): readonly NeededRight[];
  /** What the record of the action says besides the selection. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Moves the next letters in one transaction. */
  moveChunk(place: Place, filter: ResolvedFilter, chunk: ChunkRequest): Promise<MovedChunk>;
}

export interface ChunkRequest {
  readonly after: LetterKey | undefined;
  readonly limit: number;
  readonly actionId: string;
}

export interface MovedChunk {
  readonly moved: number;
  /** The last letter that was looked at; undefined at the end. */
  readonly last: LetterKey | undefined;
}

/**
 * Does an action to every letter selected, oldest first, a transaction a chunk, and keeps its row in
 * `central.operator_actions` up to date. Letters that come after it began are left alone, so that it
 * ends although what it replays may die again.
 *
 * @throws {SelectionError} {@link LetterNotFoundError} {@link MissingRightsError} before any change.
 */
export async function runLetterAction(
  scope: LetterScope,
  filter: LetterFilter,
  action: LetterAction,
  options: LetterActionOptions,
): Promise<LetterActionReport> {
  await assertMayAct(placesOf(scope), action, options.central);
  const { pending, settledBefore } = await planLetterAction(scope, filter, action.name, options);
  const until = Object.fromEntries(
    pending.map(({ place, filter: { until = "" } }) => [place.source.name, until]),
  );
  if (pending.length === 0) {
    return { actionId: null, moved: 0, settledBefore, remaining: 0, interrupted: false, until };
  }

  const selection = { ...selectionOf(scope, filter, options), ...action.detail, bounds: until };
  const { central, request } = options;
  const entry = await beginOperatorAction(central, action.name, request, selection);
  const pace = createPace(options);
  let moved = 0;
  for (const { place, filter: resolved } of pending) {
    let after: LetterKey | undefined;
    do {
      if (pace.interrupted) break;
      const chunkRequest = { after, limit: pace.limit, actionId: entry.id };
      const chunk = await action.moveChunk(place, resolved, chunkRequest);
      after = chunk.last;
      moved += chunk.moved;
      if (chunk.moved > 0) await entry.count(moved);
      if (after !== undefined) await pace.wait(chunk.moved);
    } while (after !== undefined);
  }
  const remaining = await countPending(pending);
  const interrupted = pace.interrupted && remaining > 0;
  if (!interrupted) await entry.finish(moved);
  return { actionId: entry.id, moved, settledBefore, remaining, interrupted, until };
}

/**
 * What an action would find, without any change.
 *
 * @throws {SelectionError} {@link LetterNotFoundError}
 */
export async function previewLetterAction(
  scope: LetterScope,
  filter: LetterFilter,
  action: LetterAction["name"],
  options: { readonly all?: boolean },
): Promise<LetterActionPreview> {
  const { pending, settledBefore } = await planLetterAction(scope, filter, action, options);
  return { letters: await countPending(pending), settledBefore };
}

export interface LetterActionPreview {
  /** Letters that it selects now. */
  readonly letters: number;
  readonly settledBefore: readonly SettledLetter[];
}

interface PendingPlace {
  readonly place: Place;
  readonly filter: ResolvedFilter;
}

async function planLetterAction(
  scope: LetterScope,
  filter: LetterFilter,
  action: LetterAction["name"],
  { all = false }: { readonly all?: boolean },
) {
  if (selectsAll(filter) && !all) {
    throw new SelectionError("this selects every letter; say so with `all`, or give a filter");
  }
  const { places, settledBefore } = await locateLetters(placesOf(scope), filter, action);
  const pending: PendingPlace[] = [];
  for (const place of places) {
    const resolved = await resolveFilter(place.source, filter, { boundedByNow: true });
    pending.push({ place, filter: resolved });
  }
  return { pending, settledBefore };
}

async function countPending(pending: readonly PendingPlace[]): Promise<number> {
  let count = 0;
  for (const { place, filter } of pending) count += await countPlace(place, filter);
  return count;
}

async function assertMayAct(
  places: readonly Place[],
  action: LetterAction,
  central: Pool,
): Promise<void> {
  await assertRights(central, "the central database", [
    { table: "central.operator_actions", privileges: ["select", "insert", "update"] },
    { table: "central.processed_messages", privileges: ["select"] },
    { table: "central.lanes", privileges: ["select"] },
  ]);
  for (const place of places) {
    await assertRights(place.source.pool, place.source.name, action.needs(place));
  }
}

function selectionOf(
  { sources, queues }: LetterScope,
  filter: LetterFilter,
  { all, rate }: LetterActionOptions,
): Readonly<Record<string, unknown>> {
  return { ...filter, sources: sources.map(({ name }) => name), queues, all: all ?? false, rate };
}
