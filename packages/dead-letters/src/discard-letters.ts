import type { PoolClient } from "pg";
import type { ActionStep } from "./actions/run-action.ts";
import { countPlace } from "./count-place.ts";
import type { LetterFilter, ResolvedFilter } from "./filter.ts";
import { archivedRow, type LockedLetter, lastReadColumn, lockLetters } from "./letter-chunk.ts";
import type { LetterScope, Place } from "./place.ts";
import {
  type LetterActionOptions,
  type LetterActionReport,
  runLetterAction,
} from "./run-letter-action.ts";

/**
 * Moves letters to the archive of their dead-letter queue, whose headers then say by which action.
 * Nothing is deleted, and nothing sent.
 *
 * @throws {SelectionError} {@link LetterNotFoundError} {@link MissingRightsError} before any change.
 */
export function discardLetters(
  scope: LetterScope,
  filter: LetterFilter,
  options: LetterActionOptions,
): Promise<LetterActionReport> {
  const action = { name: "discard", kind: "discard", detail: {}, step: discardStep } as const;
  return runLetterAction(scope, filter, action, options);
}

export const discardStep: ActionStep<ResolvedFilter> = {
  passes: 2,
  needs: ({ tables }) => [
    { table: tables.letters, privileges: ["select", "update", "delete"] },
    { table: tables.letterArchive, privileges: ["select", "insert"] },
  ],
  async moveChunk(client, place, selection, { actionId, ...chunk }) {
    const locked = await lockLetters(client, place, selection, chunk);
    if (locked.length > 0) await archiveLetters(client, place, locked, actionId);
    return { moved: locked.length, merged: 0, detail: {}, last: locked.at(-1) };
  },
  async countLeft(place, selection) {
    return { ...(await countPlace(place, selection)), refused: 0 };
  },
};

/**
 * What an archived letter says of its discard. Its headers are kept as they were where what is added would hide that, so
 * that the letter can be restored to the byte.
 */
const discarded = `jsonb_build_object('action', 'discard', 'action_id', $2::bigint)
  || case when g.headers is null
               or jsonb_typeof(g.headers) = 'object' and g.headers <> '{}'
                  and not g.headers ?| array['action', 'action_id', 'archived_msg_id', 'headers_before']
          then '{}'::jsonb
          else jsonb_build_object('headers_before', jsonb_build_array(g.headers)) end`;

async function archiveLetters(
  client: PoolClient,
  place: Place,
  letters: readonly LockedLetter[],
  actionId: string,
): Promise<void> {
  const lastRead = await lastReadColumn(client, place);
  await client.query(
    `with gone as (
       delete from ${place.tables.letters} d
        where d.msg_id = any ($1::bigint[])
       returning d.msg_id, d.vt, d.read_ct, d.enqueued_at, d.message, d.headers ${lastRead("d")}
     )
     insert into ${place.tables.letterArchive} (msg_id, vt, read_ct, enqueued_at, message, headers ${lastRead()})
     select ${archivedRow(place, discarded)} ${lastRead("g")}
       from gone g`,
    [letters.map(({ id }) => id), actionId],
  );
}
