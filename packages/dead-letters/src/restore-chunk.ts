import { isArchivedHere } from "@centralcloud/db";
import type { PoolClient } from "pg";
import type { ChunkCounts } from "./actions/progress.ts";
import type { ActionStep, ChunkRequest } from "./actions/run-action.ts";
import type { DeadLetterKey } from "./cursor.ts";
import { withinChunk } from "./dead-letter-chunk.ts";
import { comparedWith, conditionsOf, instant, storedBytes, Values } from "./dead-letter-sql.ts";
import type { ResolvedFilter } from "./filter.ts";
import type { Place } from "./place.ts";

/* How dead letters come back from the archive, a chunk at a time. */

/** What a part keeps: the filter, and when the dead letters were archived, by the source's clock. */
export interface ArchivedSelection extends ResolvedFilter {
  readonly action?: string;
  readonly archivedSince?: string;
  readonly archivedUntil: string;
}

/** The id that an archived dead letter `d` had in its queue: one that the archive had already stands under a negative one. */
export const ownId =
  "case when d.msg_id < 0 then d.headers ->> 'archived_msg_id' else d.msg_id::text end";

export const isNamed = (ids: string) =>
  `(d.msg_id = any (${ids}::bigint[]) or d.msg_id < 0 and d.headers ->> 'archived_msg_id' = any (${ids}::bigint[]::text[]))`;

/** The conditions of a selection on a row `d` of the archive. */
function archivedConditions(
  { queue }: Place,
  selection: ArchivedSelection,
  values: Values,
): string {
  const { ids, action, archivedSince, archivedUntil, ...rest } = selection;
  const conditions = [
    "d.headers ->> 'action' = 'discard'",
    isArchivedHere("d"),
    `d.archived_at <= ${values.add(archivedUntil)}::timestamptz`,
    conditionsOf(rest, values, queue),
  ];
  if (archivedSince) conditions.push(`d.archived_at >= ${values.add(archivedSince)}::timestamptz`);
  if (action) conditions.push(`d.headers ->> 'action_id' = ${values.add(action)}::text`);
  if (ids) conditions.push(isNamed(values.add(ids)));
  return conditions.join("\n        and ");
}

export async function countArchived(place: Place, selection: ArchivedSelection): Promise<number> {
  const values = new Values();
  const { rows } = await place.source.pool.query<{ count: number }>(
    `select count(*)::double precision as count from ${place.tables.deadLetterArchive} d
      where ${archivedConditions(place, selection, values)}`,
    values.all,
  );
  return rows[0]?.count ?? 0;
}

export const restoreStep: ActionStep<ArchivedSelection> = {
  passes: 2,
  needs: ({ tables }) => [
    { table: tables.deadLetterArchive, privileges: ["select", "update"] },
    { table: tables.deadLetters, privileges: ["select"] },
    { function: "public.restore_dead_letters(uuid, text, text, bigint[])" },
  ],
  moveChunk: restoreChunk,
  async countLeft(place, selection) {
    return { remaining: await countArchived(place, selection), refused: 0 };
  },
};

async function restoreChunk(
  client: PoolClient,
  place: Place,
  selection: ArchivedSelection,
  { after, limit, waits, part }: ChunkRequest,
): Promise<ChunkCounts> {
  const { deadLetterArchive } = place.tables;
  const values = new Values();
  const conditions = [archivedConditions(place, selection, values)];
  if (after !== undefined) conditions.push(comparedWith(after, values, ">", "archived_at"));
  const { rows } = await client.query<DeadLetterKey & { readonly storedBytes: number }>(
    `select d.msg_id::text as id, ${instant("d.archived_at")} as at, ${storedBytes} as "storedBytes"
       from ${deadLetterArchive} d
      where ${conditions.join("\n        and ")}
      order by d.archived_at, d.msg_id
      limit ${values.add(limit)}
        for update of d ${waits ? "" : "skip locked"}`,
    values.all,
  );
  const chosen = withinChunk(rows);
  const last = chosen.at(-1);
  if (last === undefined) return { moved: 0, detail: {}, last };
  const { rows: counts } = await client.query<{ moved: number; renumbered: number }>(
    `select r.moved, r.renumbered
       from public.restore_dead_letters(p_action_key => $1, p_queue => $2, p_runner => $3, p_msg_ids => $4) r`,
    [part.key, part.queue, part.runner, chosen.map(({ id }) => id)],
  );
  const { moved = 0, renumbered = 0 } = counts[0] ?? {};
  return { moved, detail: { renumbered }, last: { at: last.at, id: last.id } };
}
