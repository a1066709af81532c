import { type ActionRequest, type ActionState, planAction } from "@centralcloud/central";
import { isArchivedHere, isNotSetAside } from "@centralcloud/db";
import type { Pool } from "pg";
import { expectedOf, planParts } from "./actions/plan-parts.ts";
import { type ActionStep, runAction } from "./actions/run-action.ts";
import { ActionSession } from "./actions/session.ts";
import { instant } from "./dead-letter-sql.ts";
import { SelectionError } from "./errors.ts";
import { type DeadLetterScope, type Place, placesOf } from "./place.ts";
import type { RateLimitOptions } from "./rate-limit.ts";
import { resolveFilter } from "./resolve-filter.ts";
import { assertMayAct } from "./rights.ts";
import type { TimeBound } from "./time-bound.ts";

/** When messages were archived; both moments are included. */
export interface ArchiveRange {
  readonly from?: TimeBound;
  /** Default, and at most: the source's clock when the run begins, so that it ends although consumers archive what it brings back. */
  readonly to?: TimeBound;
}

export interface ReplayArchiveOptions extends RateLimitOptions {
  readonly central: Pool;
  readonly request: ActionRequest;
  /** Needed where no range is given. */
  readonly all?: boolean;
}

export interface ReplayArchiveReport {
  readonly actionId: string;
  readonly state: ActionState;
  /** Messages moved back to their queue. */
  readonly requeued: number;
  /** Left in the archive, because a message of that id is in the queue. */
  readonly taken: number;
  /** Left in the archive, because it stands under a negative id and does not say which one was its own. */
  readonly unknownId: number;
  /** Left in the archive, because the queue has not given that id away yet and would do so later. */
  readonly aheadOfSequence: number;
  readonly interrupted: boolean;
  /** Where the range ended, by source; give it as `to` to continue after an interruption. */
  readonly to: Readonly<Record<string, string>>;
}

/**
 * Moves archived messages back to their queues under their ids and times, oldest first, a transaction a
 * chunk. Their identity stays, so the ledger of the central store decides: what is in it is archived
 * again as a duplicate, what is not is merged again.
 *
 * @throws {SelectionError} {@link MissingRightsError} before any change.
 */
export async function replayArchive(
  scope: DeadLetterScope,
  range: ArchiveRange,
  options: ReplayArchiveOptions,
): Promise<ReplayArchiveReport> {
  const { central, request, all, rate, signal, onProgress } = options;
  if (range.from === undefined && range.to === undefined && !all) {
    throw new SelectionError(
      "this selects every archived message; say so with `all`, or give a range",
    );
  }
  const places = placesOf(scope);
  await assertMayAct(places, replayArchiveStep, central);
  const bounds = await resolveRanges(scope, range);
  const to = Object.fromEntries(
    scope.sources.map(({ name, sourceId }) => [name, bounds.get(sourceId)?.to ?? ""]),
  );
  const parts = places.map((place) => {
    return { place, selection: bounds.get(place.source.sourceId) as ArchiveBounds };
  });
  const plannedParts = await planParts(parts, replayArchiveStep);
  const planned = await planAction(central, {
    action: "replay-archive",
    request,
    selection: {
      ...range,
      sources: scope.sources.map(({ name }) => name),
      queues: scope.queues,
      ...(all ? { all: true } : {}),
      ...(rate === undefined ? {} : { rate }),
      bounds: to,
    },
    parts: plannedParts,
    ...(rate === undefined ? {} : { rate }),
  });
  const session = await ActionSession.claim(central, planned);
  const result = await runAction(session, replayArchiveStep, parts, {
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress, expected: expectedOf(plannedParts) } : {}),
  });
  const { moved: requeued, detail, interrupted, state } = result;
  return { actionId: planned.id, requeued, ...nothingLeft, ...detail, interrupted, state, to };
}

const nothingLeft = { taken: 0, unknownId: 0, aheadOfSequence: 0 };

export const replayArchiveStep: ActionStep<ArchiveBounds> = {
  passes: 1,
  needs: () => [
    {
      function:
        "public.requeue_archived_messages(uuid, text, text, timestamptz, timestamptz, timestamptz, bigint, integer)",
    },
  ],
  async moveChunk(client, _, { from, to }, { after, limit, part }) {
    const { rows } = await client.query<{
      moved: number;
      taken: number;
      unknownId: number;
      aheadOfSequence: number;
      at: string | null;
      id: string | null;
    }>(
      `select r.moved, r.taken, r.unknown_id as "unknownId", r.ahead_of_sequence as "aheadOfSequence",
              ${instant("r.last_at")} as at, r.last_id::text as id
         from public.requeue_archived_messages(
                p_action_key => $1, p_queue => $2, p_runner => $3, p_from => $4, p_to => $5, p_after_at => $6,
                p_after_id => $7, p_limit => $8) r`,
      [
        ...[part.key, part.queue, part.runner, from, to],
        ...[after?.at ?? null, after?.id ?? null, limit],
      ],
    );
    const { moved, at, id, ...detail } = rows[0] as (typeof rows)[number];
    const last = at === null || id === null ? undefined : { at, id };
    return { moved, detail, last };
  },
  async countLeft(place, bounds) {
    return { remaining: await countArchivedIn(place, bounds), refused: 0 };
  },
};

const isToReplay = `${isArchivedHere("d")} and ${isNotSetAside("d")}`;

/** How many messages of the range the archives hold. @throws {SelectionError} */
export async function countArchived(scope: DeadLetterScope, range: ArchiveRange): Promise<number> {
  const bounds = await resolveRanges(scope, range);
  let count = 0;
  for (const place of placesOf(scope)) {
    count += await countArchivedIn(place, bounds.get(place.source.sourceId) as ArchiveBounds);
  }
  return count;
}

async function countArchivedIn(
  { source, tables }: Place,
  { from, to }: ArchiveBounds,
): Promise<number> {
  const { rows } = await source.pool.query<{ count: string }>(
    `select count(*) as count from ${tables.archive} d
      where d.archived_at >= $1::timestamptz and d.archived_at <= $2::timestamptz and ${isToReplay}`,
    [from, to],
  );
  return Number(rows[0]?.count ?? 0);
}

/** By the source's clock; both moments are included. */
export interface ArchiveBounds {
  readonly from: string;
  readonly to: string;
}

async function resolveRanges(
  { sources }: DeadLetterScope,
  { from, to }: ArchiveRange,
): Promise<ReadonlyMap<string, ArchiveBounds>> {
  const bounds = new Map<string, ArchiveBounds>();
  for (const source of sources) {
    const times = { ...(from ? { since: from } : {}), ...(to ? { until: to } : {}) };
    const { since, until } = await resolveFilter(source, times, { boundedByNow: true });
    bounds.set(source.sourceId, { from: since ?? "-infinity", to: until ?? "" });
  }
  return bounds;
}
