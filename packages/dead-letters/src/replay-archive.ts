import {
  type ActionRequest,
  type ActionState,
  isArchivedHere,
  isNotSetAside,
  planAction,
} from "@centralcloud/db";
import type { Pool, PoolClient } from "pg";
import { expectedOf, planParts } from "./actions/plan-parts.ts";
import type { ChunkCounts } from "./actions/progress.ts";
import { type ActionStep, runAction } from "./actions/run-action.ts";
import { ActionSession } from "./actions/session.ts";
import type { LetterKey } from "./cursor.ts";
import { SelectionError } from "./errors.ts";
import { instant, storedBytes } from "./letter-sql.ts";
import type { PaceOptions } from "./pace.ts";
import { type LetterScope, type Place, placesOf } from "./place.ts";
import { resolveFilter } from "./resolve-filter.ts";
import { assertMayAct } from "./rights.ts";
import type { TimeBound } from "./time-bound.ts";

/** When messages were archived; both moments are included. */
export interface ArchiveRange {
  readonly from?: TimeBound;
  /** Default, and at most: the source's clock when the run begins, so that it ends although consumers archive what it brings back. */
  readonly to?: TimeBound;
}

export interface ReplayArchiveOptions extends PaceOptions {
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
  /** Where the range ended, by source; give it as `to` to go on after an interruption. */
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
  scope: LetterScope,
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
  needs: ({ tables }) => [
    { table: tables.archive, privileges: ["select", "update", "delete"] },
    { table: tables.queue, privileges: ["select", "insert"] },
  ],
  moveChunk: (client, place, bounds, { after, limit }) =>
    moveChunk(client, place, bounds, after, limit),
  async countLeft(place, bounds) {
    return { remaining: await countArchivedIn(place, bounds), refused: 0 };
  },
};

const isToReplay = `${isArchivedHere("d")} and ${isNotSetAside("d")}`;

/** How many messages of the range the archives hold. @throws {SelectionError} */
export async function countArchived(scope: LetterScope, range: ArchiveRange): Promise<number> {
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
  { sources }: LetterScope,
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

interface Candidate extends LetterKey {
  readonly originalId: string | null;
  readonly taken: boolean;
  readonly ahead: boolean;
  readonly storedBytes: number;
}

/** No transaction moves more than this many bytes, unless it is one message. */
const maxChunkBytes = 64 * 1024 * 1024;

async function moveChunk(
  client: PoolClient,
  place: Place,
  bounds: ArchiveBounds,
  after: LetterKey | undefined,
  limit: number,
): Promise<ChunkCounts> {
  const candidates = await lockArchived(client, place, bounds, after, limit);
  const chosen = new Map<string, string>();
  const detail = { ...nothingLeft };
  let bytes = 0;
  let last: LetterKey | undefined;
  for (const candidate of candidates) {
    const { id, originalId, taken, ahead } = candidate;
    bytes += candidate.storedBytes;
    if (last !== undefined && bytes > maxChunkBytes) break;
    last = candidate;
    if (originalId === null) detail.unknownId += 1;
    else if (taken || chosen.has(originalId)) detail.taken += 1;
    else if (ahead) detail.aheadOfSequence += 1;
    else chosen.set(originalId, id);
  }
  if (chosen.size > 0) await requeue(client, place, chosen);
  return { moved: chosen.size, merged: 0, detail, last };
}

async function lockArchived(
  client: PoolClient,
  { tables }: Place,
  { from, to }: ArchiveBounds,
  after: LetterKey | undefined,
  limit: number,
): Promise<readonly Candidate[]> {
  const { rows } = await client.query<Candidate>(
    `select d.msg_id::text as id, ${instant("d.archived_at")} as at, o.id::text as "originalId",
            exists (select from ${tables.queue} q where q.msg_id = o.id) as taken,
            coalesce(o.id > coalesce(pg_sequence_last_value(pg_get_serial_sequence($6, 'msg_id')::regclass), 0), false) as ahead,
            ${storedBytes} as "storedBytes"
       from ${tables.archive} d
      cross join lateral (
        select case when d.msg_id >= 0 then d.msg_id
                    when d.headers ->> 'archived_msg_id' ~ '^\\d{1,18}$' then (d.headers ->> 'archived_msg_id')::bigint
               end as id
      ) o
      where d.archived_at >= $1::timestamptz and d.archived_at <= $2::timestamptz and ${isToReplay}
        and ($3::timestamptz is null or (d.archived_at, d.msg_id) > ($3::timestamptz, $4::bigint))
      order by d.archived_at, d.msg_id
      limit $5
        for update of d skip locked`,
    [after?.at ?? from, to, after?.at ?? null, after?.id ?? null, limit, tables.queue],
  );
  return rows;
}

/** @param chosen from the id that a message gets back to the id under which the archive has it. */
async function requeue(
  client: PoolClient,
  { tables }: Place,
  chosen: ReadonlyMap<string, string>,
): Promise<void> {
  await client.query(
    `with chosen as (
       select c.* from unnest($1::bigint[], $2::bigint[]) as c (original_id, msg_id)
     ), gone as (
       delete from ${tables.archive} d using chosen c
        where d.msg_id = c.msg_id
       returning c.original_id, d.enqueued_at, d.message, d.headers
     )
     insert into ${tables.queue} (msg_id, read_ct, enqueued_at, vt, message, headers)
     overriding system value
     select g.original_id, 0, g.enqueued_at, clock_timestamp(), g.message,
            (case when jsonb_typeof(g.headers) = 'object' then g.headers else '{}' end - 'archived_msg_id')
              || '{"replayed_from_archive": true}'
       from gone g
      order by g.original_id`,
    [[...chosen.keys()], [...chosen.values()]],
  );
}
