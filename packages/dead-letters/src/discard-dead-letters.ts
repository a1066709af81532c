import type { ActionStep } from "./actions/run-action.ts";
import { countPlace } from "./count-place.ts";
import { lockDeadLetters } from "./dead-letter-chunk.ts";
import type { DeadLetterFilter, ResolvedFilter } from "./filter.ts";
import type { DeadLetterScope } from "./place.ts";
import {
  type DeadLetterActionOptions,
  type DeadLetterActionReport,
  runDeadLetterAction,
} from "./run-dead-letter-action.ts";

/**
 * Moves dead letters to the archive of their dead-letter queue, whose headers then say by which action.
 * Nothing is deleted, and nothing sent.
 *
 * @throws {SelectionError} {@link DeadLetterNotFoundError} {@link MissingRightsError} before any change.
 */
export function discardDeadLetters(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
  options: DeadLetterActionOptions,
): Promise<DeadLetterActionReport> {
  const action = { name: "discard", kind: "discard", detail: {}, step: discardStep } as const;
  return runDeadLetterAction(scope, filter, action, options);
}

export const discardStep: ActionStep<ResolvedFilter> = {
  passes: 2,
  needs: ({ tables }) => [
    { table: tables.deadLetters, privileges: ["select", "update"] },
    { function: "public.discard_dead_letters(uuid, text, text, bigint[])" },
  ],
  async moveChunk(client, place, selection, { part, ...chunk }) {
    const locked = await lockDeadLetters(client, place, selection, chunk);
    if (locked.length > 0) {
      await client.query(
        `select public.discard_dead_letters(
           p_action_key => $1, p_queue => $2, p_runner => $3, p_msg_ids => $4)`,
        [part.key, part.queue, part.runner, locked.map(({ id }) => id)],
      );
    }
    return { moved: locked.length, detail: {}, last: locked.at(-1) };
  },
  async countLeft(place, selection) {
    return { ...(await countPlace(place, selection)), refused: 0 };
  },
};
