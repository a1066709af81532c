import { lookUpDeliveries } from "@centralcloud/central";
import type { Pool } from "pg";
import type { ActionStep } from "./actions/run-action.ts";
import { countPlace } from "./count-place.ts";
import { type LockedDeadLetter, lockDeadLetters } from "./dead-letter-chunk.ts";
import { EditRefusedError, SelectionError } from "./errors.ts";
import type { DeadLetterFilter, ResolvedFilter } from "./filter.ts";
import { type JudgeOptions, judgeMessage } from "./judge-message.ts";
import { locateDeadLetters } from "./locate-dead-letters.ts";
import { type DeadLetterScope, type Place, placesOf } from "./place.ts";
import {
  type DeadLetterActionOptions,
  type DeadLetterActionReport,
  runDeadLetterAction,
} from "./run-dead-letter-action.ts";
import { isDeadLetterTime } from "./time-bound.ts";

export interface ReplayOptions extends DeadLetterActionOptions {
  /** The JSON text of a message to send in place of the original; the filter must name one dead letter by id. */
  readonly edit?: string;
  /** How the edited message is checked. */
  readonly judge: JudgeOptions;
}

export interface ReplayReport extends DeadLetterActionReport {
  /** Messages sent to their queue again. */
  readonly replayed: number;
  /** Dead letters whose message the central store has in fact merged: archived, and nothing was sent. */
  readonly alreadyMerged: number;
}

/**
 * Sends the original message of each dead letter to its queue again, and moves the dead letter to the archive of
 * its dead-letter queue, in one transaction a chunk. The message gets its headers back, and besides
 * `replay_of`, `replay_count` and its history (`attempts`). Running it twice sends once, and so does
 * running it in several places at once.
 *
 * @throws {SelectionError} {@link EditRefusedError} {@link DeadLetterNotFoundError} {@link MissingRightsError}
 *   before any change.
 */
export async function replayDeadLetters(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  options: ReplayOptions,
): Promise<ReplayReport> {
  const edit =
    options.edit === undefined ? null : await checkEdit(scope, filter, options.edit, options.judge);
  const kind = { name: "replay", kind: edit === null ? "replay" : "edit" } as const;
  const detail = edit === null ? {} : { edited: true };
  const action = { ...kind, detail, step: replayStep(options.central, edit) };
  const { merged, ...report } = await runDeadLetterAction(scope, filter, action, options);
  return { ...report, replayed: report.moved - merged, alreadyMerged: merged };
}

/** @param edit what is sent in place of the original. */
export function replayStep(central: Pool, edit: string | null = null): ActionStep<ResolvedFilter> {
  return {
    passes: 2,
    needs: ({ tables }) => [
      { table: tables.deadLetters, privileges: ["select", "update"] },
      { table: tables.deadLetterArchive, privileges: ["select"] },
      { function: "public.replay_dead_letters(uuid, text, text, bigint[], boolean[], jsonb)" },
    ],
    async moveChunk(client, place, selection, { part, ...chunk }) {
      const locked = await lockDeadLetters(client, place, selection, chunk);
      const sendable = locked.filter(({ hasOriginal }) => hasOriginal || edit !== null);
      const merged = await findMergedDeadLetters(central, place, sendable);
      if (sendable.length > 0) {
        await client.query(
          `select public.replay_dead_letters(
             p_action_key => $1, p_queue => $2, p_runner => $3, p_msg_ids => $4, p_sends => $5, p_edit => $6)`,
          [
            ...[part.key, part.queue, part.runner],
            sendable.map(({ id }) => id),
            sendable.map(({ id }) => !merged.has(id)),
            edit,
          ],
        );
      }
      return { moved: sendable.length, detail: {}, last: locked.at(-1) };
    },
    countLeft: (place, selection) => countPlace(place, selection),
  };
}

/**
 * Whether an edited message may replace that of the one dead letter that the filter names.
 *
 * @returns its text as the database writes it.
 * @throws {SelectionError} {@link EditRefusedError} {@link DeadLetterNotFoundError}
 */
export async function checkEdit(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  text: string,
  judge: JudgeOptions,
): Promise<string> {
  if (filter.ids?.length !== 1) {
    throw new SelectionError("an edited message replaces that of one dead letter, named by its id");
  }
  const { places } = await locateDeadLetters(placesOf(scope), filter, "replay");
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

/** The ids of those dead letters whose message was merged; a dead letter that doesn't tell its identity was not. */
export async function findMergedDeadLetters(
  central: Pool,
  { source: { sourceId }, queue }: Place,
  deadLetters: readonly Pick<LockedDeadLetter, "id" | "originalId" | "originalEnqueuedAt">[],
): Promise<ReadonlySet<string>> {
  const known = deadLetters.flatMap(({ id, originalId, originalEnqueuedAt }) => {
    if (!isDeadLetterTime(originalEnqueuedAt) || !/^\d{1,18}$/.test(originalId ?? "")) return [];
    return [{ id, msgId: originalId ?? "", enqueuedAt: originalEnqueuedAt, fromArchive: false }];
  });
  if (known.length === 0) return new Set();
  const records = await lookUpDeliveries(central, { sourceId, queue }, known);
  return new Set(known.filter((_, index) => records[index]?.merged).map(({ id }) => id));
}
