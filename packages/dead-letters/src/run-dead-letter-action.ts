import {
  type ActionName,
  type ActionRequest,
  type ActionState,
  planAction,
  readAction,
} from "@centralcloud/central";
import type { Pool } from "pg";
import { createCanary } from "./actions/canary.ts";
import { expectedOf, planParts } from "./actions/plan-parts.ts";
import {
  type ActionPartOf,
  type ActionStep,
  type RunOptions,
  runAction,
} from "./actions/run-action.ts";
import { ActionSession } from "./actions/session.ts";
import { SelectionError } from "./errors.ts";
import { type DeadLetterFilter, type ResolvedFilter, selectsAll } from "./filter.ts";
import { locateDeadLetters, type SettledDeadLetter } from "./locate-dead-letters.ts";
import { type DeadLetterScope, type Place, placesOf } from "./place.ts";
import type { RateLimitOptions } from "./rate-limit.ts";
import { assertReasonsKnown, resolveFilter } from "./resolve-filter.ts";
import { assertMayAct } from "./rights.ts";
import { bindToSeen, decodeDigest, filterDigest } from "./seen-selection.ts";

/** What an action on dead letters is given. */
export interface DeadLetterActionOptions extends RateLimitOptions {
  readonly central: Pool;
  readonly request: ActionRequest;
  /** Needed where the filter selects every dead letter: nobody should do that by leaving something out. */
  readonly all?: boolean;
  /** Whether somebody chose the scope's queues or sources: then every dead letter of it is no oversight. */
  readonly isNarrowed?: boolean;
  /** Of a replay: so many go first, and the rest only once each of them was merged. */
  readonly canary?: number;
  /** Of a preview: nothing is done where others are selected now than it has seen. */
  readonly digest?: string;
}

/** What an action on dead letters has done. */
export interface DeadLetterActionReport {
  /** Its row in `central.operator_actions`; null where nothing was left to do. */
  readonly actionId: string | null;
  readonly state: ActionState;
  /** Dead letters it has moved. */
  readonly moved: number;
  /** Dead letters that were named and that an earlier action had moved. */
  readonly settledBefore: readonly SettledDeadLetter[];
  /** Dead letters of the selection that are there still: others work on them, or they can't be moved. */
  readonly remaining: number;
  /** Whether it ended before its end; it can be continued. */
  readonly interrupted: boolean;
  /** Why its canary stopped it; null where none did. */
  readonly stopped: string | null;
  /** By the clock of each source: dead letters that came later were left alone. */
  readonly until: Readonly<Record<string, string>>;
}

export interface DeadLetterAction {
  /** What the archive says of a dead letter. */
  readonly name: "replay" | "discard";
  /** What the record of actions says. */
  readonly kind: "replay" | "edit" | "discard";
  /** What the record of the action says besides the selection. */
  readonly detail: Readonly<Record<string, unknown>>;
  readonly step: ActionStep<ResolvedFilter>;
}

/**
 * Does an action to every dead letter selected, oldest first, a transaction a chunk, as a durable action: see
 * {@link runAction}. Dead letters that come after it began are left alone, so that it ends although what it replays may
 * are dead-lettered again.
 *
 * @throws {SelectionError} {@link DeadLetterNotFoundError} {@link MissingRightsError} before any change.
 */
export async function runDeadLetterAction(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  action: DeadLetterAction,
  options: DeadLetterActionOptions,
): Promise<DeadLetterActionReport & { readonly merged: number }> {
  const { central, request, signal, rate, onProgress } = options;
  await assertMayAct(placesOf(scope), action.step, central);
  const { pending, settledBefore } = await planDeadLetterAction(
    scope,
    filter,
    action.name,
    options,
  );
  const until = Object.fromEntries(
    pending.map(({ place, selection: { until = "" } }) => [place.source.name, until]),
  );
  if (pending.length === 0) {
    const nothing = { moved: 0, merged: 0, remaining: 0, interrupted: false, stopped: null };
    return { actionId: null, state: "done", ...nothing, settledBefore, until };
  }

  const places = pending.map(({ place }) => place);
  const parts = await planParts(pending, action.step);
  const planned = await planAction(central, {
    action: action.kind,
    request,
    selection: { ...selectionOf(places, filter, options), ...action.detail, bounds: until },
    parts,
    ...(rate === undefined ? {} : { rate }),
    ...(options.canary === undefined ? {} : { canary: options.canary }),
  });
  const canary =
    options.canary === undefined ? undefined : createCanary(planned, places, options.canary);
  const run = {
    central,
    ...(signal ? { signal } : {}),
    ...(canary ? { canary } : {}),
    ...(onProgress ? { onProgress, expected: expectedOf(parts) } : {}),
  };
  const result = planned.isNew
    ? await runPlanned(planned, action.step, pending, run)
    : await repeatAction(planned, action.step, places, run);
  const { state, moved, merged, remaining, interrupted, stopped } = result;
  const done = { state, moved, merged, remaining, interrupted, stopped };
  return { actionId: planned.id, ...done, settledBefore, until };
}

async function runPlanned<Selection>(
  action: ActionName,
  step: ActionStep<Selection>,
  parts: readonly ActionPartOf<Selection>[],
  { central, ...options }: RunOptions & { readonly central: Pool },
) {
  const session = await ActionSession.claim(central, action);
  return await runAction(session, step, parts, options);
}

/** What was asked for under a key before: its own selection counts, and if it has ended, so does its end. */
async function repeatAction(
  { id, key }: ActionName,
  step: ActionStep<ResolvedFilter>,
  places: readonly Place[],
  options: RunOptions & { readonly central: Pool },
) {
  const action = await readAction(options.central, id);
  if (action?.state === "planned" || action?.state === "running") {
    const parts = action.parts.map(({ sourceId, queue, selection }) => {
      const place = places.find((one) => one.source.sourceId === sourceId && one.queue === queue);
      if (place === undefined) {
        throw new SelectionError(`action ${id} is of other sources or queues than are given now`);
      }
      return { place, selection: selection as unknown as ResolvedFilter };
    });
    return await runPlanned({ id, key }, step, parts, options);
  }
  return {
    state: action?.state ?? "done",
    moved: action?.moved ?? 0,
    merged: action?.alreadyMerged ?? 0,
    remaining: action?.remaining ?? 0,
    interrupted: false,
    stopped: action?.canary?.state === "stopped" ? action.error : null,
  };
}

export async function planDeadLetterAction(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  action: DeadLetterAction["name"],
  {
    all = false,
    isNarrowed = false,
    digest,
  }: Pick<DeadLetterActionOptions, "all" | "isNarrowed" | "digest">,
) {
  if (selectsAll(filter) && !all && !isNarrowed) {
    throw new SelectionError("this selects every dead letter; say so with `all`, or give a filter");
  }
  const seen = digest === undefined ? undefined : decodeDigest(digest);
  const isSame = seen?.action === action && seen.filter === filterDigest(filter);
  if (seen !== undefined && !isSame) {
    throw new SelectionError("the digest is that of another selection, or of another action");
  }
  await assertReasonsKnown(scope, filter);
  const { places, settledBefore } = await locateDeadLetters(placesOf(scope), filter, action);
  const pending: ActionPartOf<ResolvedFilter>[] = [];
  for (const place of places) {
    const selection = await resolveFilter(place.source, filter, { boundedByNow: true });
    const bound = seen === undefined ? selection : await bindToSeen(place, selection, seen);
    pending.push({ place, selection: bound });
  }
  return { pending, settledBefore };
}

/** What was asked for, and where: an id names a dead letter of the places in which it was found. */
function selectionOf(
  places: readonly Place[],
  filter: DeadLetterFilter,
  { all, rate }: DeadLetterActionOptions,
): Readonly<Record<string, unknown>> {
  const sources = new Set(places.map(({ source }) => source.name));
  const queues = new Set(places.map(({ queue }) => queue));
  return {
    ...filter,
    sources: [...sources],
    queues: [...queues],
    ...(all ? { all } : {}),
    ...(rate === undefined ? {} : { rate }),
  };
}
