import type { PoolClient } from "pg";
import type { LetterFilter } from "./filter.ts";
import { archivedRow, type LockedLetter, lockLetters } from "./letter-chunk.ts";
import type { LetterScope, Place } from "./place.ts";
import {
  type LetterActionOptions,
  type LetterActionReport,
  runLetterAction,
} from "./run-letter-action.ts";
import { inTransaction } from "./transaction.ts";

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
  return runLetterAction(
    scope,
    filter,
    {
      name: "discard",
      detail: {},
      needs: ({ tables }) => [
        { table: tables.letters, privileges: ["select", "update", "delete"] },
        { table: tables.letterArchive, privileges: ["select", "insert"] },
      ],
      moveChunk: (place, resolved, { actionId, ...chunk }) =>
        inTransaction(place.source.pool, async (client) => {
          const locked = await lockLetters(client, place, resolved, chunk);
          if (locked.length > 0) await archiveLetters(client, place, locked, actionId);
          return { moved: locked.length, last: locked.at(-1) };
        }),
    },
    options,
  );
}

async function archiveLetters(
  client: PoolClient,
  place: Place,
  letters: readonly LockedLetter[],
  actionId: string,
): Promise<void> {
  await client.query(
    `with gone as (
       delete from ${place.tables.letters} d
        where d.msg_id = any ($1::bigint[])
       returning d.msg_id, d.vt, d.read_ct, d.enqueued_at, d.message, d.headers
     )
     insert into ${place.tables.letterArchive} (msg_id, vt, read_ct, enqueued_at, message, headers)
     select ${archivedRow(place, "jsonb_build_object('action', 'discard', 'action_id', $2::bigint)")}
       from gone g`,
    [letters.map(({ id }) => id), actionId],
  );
}
