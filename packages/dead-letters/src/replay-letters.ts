import { lookUpDeliveries } from "@centralcloud/db";
import type { Pool, PoolClient } from "pg";
import type { ActionStep } from "./actions/run-action.ts";
import { countPlace } from "./count-place.ts";
import { EditRefusedError, SelectionError } from "./errors.ts";
import type { LetterFilter, ResolvedFilter } from "./filter.ts";
import { type JudgeOptions, judgeMessage } from "./judge-message.ts";
import { archivedRow, type LockedLetter, lockLetters } from "./letter-chunk.ts";
import * as letter from "./letter-sql.ts";
import { locateLetters } from "./locate-letters.ts";
import { type LetterScope, type Place, placesOf } from "./place.ts";
import {
  type LetterActionOptions,
  type LetterActionReport,
  runLetterAction,
} from "./run-letter-action.ts";
import { isLetterTime } from "./time-bound.ts";

export interface ReplayOptions extends LetterActionOptions {
  /** The JSON text of a message to send in place of the original; the filter must name one letter by id. */
  readonly edit?: string;
  /** How the edited message is checked. */
  readonly judge: JudgeOptions;
}

export interface ReplayReport extends LetterActionReport {
  /** Messages sent to their queue again. */
  readonly replayed: number;
  /** Letters whose message the central store has in fact merged: archived, and nothing was sent. */
  readonly alreadyMerged: number;
}

/**
 * Sends the original message of each letter to its queue again, and moves the letter to the archive of
 * its dead-letter queue, in one transaction a chunk. The message gets its headers back, and besides
 * `replay_of`, `replay_count` and its history (`attempts`). Running it twice sends once, and so does
 * running it in several places at once.
 *
 * @throws {SelectionError} {@link EditRefusedError} {@link LetterNotFoundError} {@link MissingRightsError}
 *   before any change.
 */
export async function replayLetters(
  scope: LetterScope,
  filter: LetterFilter,
  options: ReplayOptions,
): Promise<ReplayReport> {
  const edit =
    options.edit === undefined ? null : await checkEdit(scope, filter, options.edit, options.judge);
  const kind = { name: "replay", kind: edit === null ? "replay" : "edit" } as const;
  const detail = edit === null ? {} : { edited: true };
  const action = { ...kind, detail, step: replayStep(options.central, edit) };
  const { merged, ...report } = await runLetterAction(scope, filter, action, options);
  return { ...report, replayed: report.moved - merged, alreadyMerged: merged };
}

/** @param edit what is sent in place of the original. */
export function replayStep(central: Pool, edit: string | null = null): ActionStep<ResolvedFilter> {
  return {
    passes: 2,
    needs: ({ tables }) => [
      { table: tables.letters, privileges: ["select", "update", "delete"] },
      { table: tables.letterArchive, privileges: ["select", "insert"] },
      { table: tables.queue, privileges: ["insert"] },
    ],
    async moveChunk(client, place, selection, { actionId, ...chunk }) {
      const locked = await lockLetters(client, place, selection, chunk);
      const sendable = locked.filter(({ hasOriginal }) => hasOriginal || edit !== null);
      const merged = await findMergedLetters(central, place, sendable);
      if (sendable.length > 0)
        await moveLetters(client, place, sendable, { merged, actionId, edit });
      return { moved: sendable.length, merged: merged.size, detail: {}, last: locked.at(-1) };
    },
    countLeft: (place, selection) => countPlace(place, selection),
  };
}

/**
 * Whether an edited message may replace that of the one letter that the filter names.
 *
 * @returns its text as the database writes it.
 * @throws {SelectionError} {@link EditRefusedError} {@link LetterNotFoundError}
 */
export async function checkEdit(
  scope: LetterScope,
  filter: LetterFilter,
  text: string,
  judge: JudgeOptions,
): Promise<string> {
  if (filter.ids?.length !== 1) {
    throw new SelectionError("an edited message replaces that of one letter, named by its id");
  }
  const { places } = await locateLetters(placesOf(scope), filter, "replay");
  const [place] = places;
  // Replayed before; there is nothing to edit.
  if (place === undefined) return text;
  const { rows } = await place.source.pool
    .query<{ text: string; bytes: number }>(
      "select t.text, octet_length(t.text) as bytes from (select $1::jsonb::text as text) t",
      [text],
    )
    .catch((error: { code?: string; message: string }) => {
      if (!/^(22|54)/.test(error.code ?? "")) throw error;
      throw new EditRefusedError([
        `the edited message is not JSON that can be stored: ${error.message}`,
      ]);
    });
  const [edited] = rows as [{ text: string; bytes: number }];
  const { accepted, issues, note } = await judgeMessage(place, edited, judge);
  if (accepted === false) {
    const problems = [...issues.map(({ message }) => message), ...(note === null ? [] : [note])];
    throw new EditRefusedError(problems.map((problem) => `the edited message: ${problem}`));
  }
  return edited.text;
}

/** The ids of those letters whose message was merged; a letter that doesn't tell its identity was not. */
export async function findMergedLetters(
  central: Pool,
  { source: { sourceId }, queue }: Place,
  letters: readonly Pick<LockedLetter, "id" | "originalId" | "originalEnqueuedAt">[],
): Promise<ReadonlySet<string>> {
  const known = letters.flatMap(({ id, originalId, originalEnqueuedAt }) => {
    if (!isLetterTime(originalEnqueuedAt) || !/^\d{1,18}$/.test(originalId ?? "")) return [];
    return [{ id, msgId: originalId ?? "", enqueuedAt: originalEnqueuedAt, fromArchive: false }];
  });
  if (known.length === 0) return new Set();
  const records = await lookUpDeliveries(central, { sourceId, queue }, known);
  return new Set(known.filter((_, index) => records[index]?.merged).map(({ id }) => id));
}

interface Move {
  /** Letters of which nothing is sent. */
  readonly merged: ReadonlySet<string>;
  readonly actionId: string;
  readonly edit: string | null;
}

async function moveLetters(
  client: PoolClient,
  place: Place,
  letters: readonly LockedLetter[],
  { merged, actionId, edit }: Move,
): Promise<void> {
  await client.query(
    `with chosen as (
       select c.* from unnest($1::bigint[], $2::boolean[]) as c (msg_id, sends)
     ), gone as (
       delete from ${place.tables.letters} d using chosen c
        where d.msg_id = c.msg_id
       returning d.msg_id, d.vt, d.read_ct, d.enqueued_at, d.message, d.headers, c.sends
     ), resent as materialized (
       select d.msg_id, row_number() over (order by d.enqueued_at, d.msg_id) as place,
              coalesce($4::jsonb, ${letter.original}) as message,
              ${letter.originalHeaders} || jsonb_strip_nulls(jsonb_build_object(
                'replay_of', ${letter.firstSentAs},
                'replay_count', ${letter.replayCount} + 1,
                'attempts', ${letter.history},
                'replay_edited', case when $4::jsonb is not null then true end)) as headers
         from gone d
        where d.sends
     ), queued as (
       -- All at once, and not one by one with pgmq.send, which takes a millisecond for each.
       insert into ${place.tables.queue} (vt, message, headers)
       select clock_timestamp(), r.message, r.headers from resent r order by r.place
       returning msg_id
     ), sent as (
       -- Ids are given away in the order of the rows.
       select r.msg_id, q.msg_id as new_id
         from resent r
         join (select msg_id, row_number() over (order by msg_id) as place from queued) q using (place)
     )
     insert into ${place.tables.letterArchive} (msg_id, vt, read_ct, enqueued_at, message, headers)
     select ${archivedRow(
       place,
       `jsonb_strip_nulls(jsonb_build_object(
          'action', 'replay', 'action_id', $3::bigint, 'new_msg_id', s.new_id,
          'already_merged', case when not g.sends then true end,
          'edited', case when $4::jsonb is not null then true end))`,
     )}
       from gone g
       left join sent s using (msg_id)`,
    [letters.map(({ id }) => id), letters.map(({ id }) => !merged.has(id)), actionId, edit],
  );
}
