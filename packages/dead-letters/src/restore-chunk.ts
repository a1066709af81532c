import { isArchivedHere } from "@centralcloud/db";
import type { PoolClient } from "pg";
import type { ChunkCounts } from "./actions/progress.ts";
import type { ActionStep, ChunkRequest } from "./actions/run-action.ts";
import type { LetterKey } from "./cursor.ts";
import type { ResolvedFilter } from "./filter.ts";
import { lastReadColumn, withinChunk } from "./letter-chunk.ts";
import { comparedWith, conditionsOf, instant, storedBytes, Values } from "./letter-sql.ts";
import type { Place } from "./place.ts";

/* How letters come back from the archive, a chunk at a time. */

/** What a part keeps: the filter, and when the letters were archived, by the source's clock. */
export interface ArchivedSelection extends ResolvedFilter {
  readonly action?: string;
  readonly archivedSince?: string;
  readonly archivedUntil: string;
}

/** The id that an archived letter `d` had in its queue: one that the archive had already stands under a negative one. */
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
    `select count(*)::double precision as count from ${place.tables.letterArchive} d
      where ${archivedConditions(place, selection, values)}`,
    values.all,
  );
  return rows[0]?.count ?? 0;
}

export const restoreStep: ActionStep<ArchivedSelection> = {
  passes: 2,
  needs: ({ tables }) => [
    { table: tables.letterArchive, privileges: ["select", "update", "delete"] },
    { table: tables.letters, privileges: ["select", "insert"] },
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
  { after, limit, waits }: ChunkRequest,
): Promise<ChunkCounts> {
  const { letters, letterArchive } = place.tables;
  const values = new Values();
  const conditions = [archivedConditions(place, selection, values)];
  if (after !== undefined) conditions.push(comparedWith(after, values, ">", "archived_at"));
  const { rows } = await client.query<LetterKey & { readonly storedBytes: number }>(
    `select d.msg_id::text as id, ${instant("d.archived_at")} as at, ${storedBytes} as "storedBytes"
       from ${letterArchive} d
      where ${conditions.join("\n        and ")}
      order by d.archived_at, d.msg_id
      limit ${values.add(limit)}
        for update of d ${waits ? "" : "skip locked"}`,
    values.all,
  );
  const chosen = withinChunk(rows);
  const last = chosen.at(-1);
  if (last === undefined) return { moved: 0, merged: 0, detail: {}, last };
  const lastRead = await lastReadColumn(client, place);
  const { rows: counts } = await client.query<{ moved: number; renumbered: number }>(
    `with named as materialized (
       select d.msg_id, d.enqueued_at,
              case when d.msg_id >= 0 then d.msg_id
                   when d.headers ->> 'archived_msg_id' ~ '^\\d{1,18}$'
                   then (d.headers ->> 'archived_msg_id')::bigint end as own_id
         from ${letterArchive} d
        where d.msg_id = any ($1::bigint[])
     ), imported as materialized (
       -- By time, not letter by letter: many may have come at one moment.
       select x.enqueued_at, x.headers ->> 'imported_letter_id' as own_id
         from ${letters} x
        where x.enqueued_at between (select min(n.enqueued_at) from named n) and (select max(n.enqueued_at) from named n)
          and x.headers ->> 'imported_letter_id' is not null
     ), absent as materialized (
       select n.msg_id, n.own_id,
              n.own_id is not null
                and row_number() over (partition by n.own_id order by n.enqueued_at, n.msg_id) = 1
                and n.own_id <= coalesce(pg_sequence_last_value(pg_get_serial_sequence($2, 'msg_id')::regclass), 0)
                and not exists (select from ${letters} x where x.msg_id = n.own_id) as keeps_id
         from named n
        where not exists (select from ${letters} x
                           where x.msg_id = n.own_id and x.enqueued_at = n.enqueued_at)
          and not exists (select from imported i where i.enqueued_at = n.enqueued_at and i.own_id = n.own_id::text)
     ), gone as (
       delete from ${letterArchive} d using absent a
        where d.msg_id = a.msg_id
       returning a.own_id, a.keeps_id, d.vt, d.read_ct, d.enqueued_at, d.message ${lastRead("d")},
                 case when d.headers ? 'headers_before' then d.headers -> 'headers_before' -> 0
                      else nullif(d.headers - array['action', 'action_id', 'archived_msg_id'], '{}') end as headers
     ), kept as (
       insert into ${letters} (msg_id, vt, read_ct, enqueued_at, message, headers ${lastRead()})
       overriding system value
       select g.own_id, g.vt, g.read_ct, g.enqueued_at, g.message, g.headers ${lastRead("g")}
         from gone g where g.keeps_id
     ), renumbered as (
       insert into ${letters} (vt, read_ct, enqueued_at, message, headers ${lastRead()})
       select g.vt, g.read_ct, g.enqueued_at, g.message,
              case when jsonb_typeof(g.headers) = 'object' then g.headers else '{}' end
                || jsonb_strip_nulls(jsonb_build_object('imported_letter_id', g.own_id)) ${lastRead("g")}
         from gone g where not g.keeps_id
     )
     select count(*)::integer as moved, (count(*) filter (where not g.keeps_id))::integer as renumbered
       from gone g`,
    [chosen.map(({ id }) => id), letters],
  );
  const { moved = 0, renumbered = 0 } = counts[0] ?? {};
  return { moved, merged: 0, detail: { renumbered }, last: { at: last.at, id: last.id } };
}
