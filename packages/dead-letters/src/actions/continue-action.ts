import { type ActionDetails, readAction } from "@centralcloud/central";
import { isQueueName } from "@centralcloud/contracts";
import type { Pool } from "pg";
import { discardStep } from "../discard-letters.ts";
import { ActionUnavailableError, SelectionError } from "../errors.ts";
import type { OnProgress } from "../pace.ts";
import { type LetterSource, type Place, placeOf } from "../place.ts";
import { replayArchiveStep } from "../replay-archive.ts";
import { replayStep } from "../replay-letters.ts";
import { restoreStep } from "../restore-chunk.ts";
import { assertMayAct } from "../rights.ts";
import { createCanary } from "./canary.ts";
import { addOutcomes, type Outcome, readOutcome } from "./outcome.ts";
import { readProgress } from "./progress.ts";
import { type ActionPartOf, type ActionStep, type RunResult, runAction } from "./run-action.ts";
import { ActionSession } from "./session.ts";

export interface ContinueOptions {
  readonly central: Pool;
  /** Those that the action is for, at least. */
  readonly sources: readonly LetterSource[];
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/** A selection was written by the step that reads it again. */
type AnyStep = ActionStep<never>;

/** What is done by each kind of action that needs nothing but its row; others need what their operator had. */
const steps: Readonly<Record<string, (central: Pool) => AnyStep>> = {
  replay: (central) => replayStep(central),
  discard: () => discardStep,
  restore: () => restoreStep,
  "replay-archive": () => replayArchiveStep,
};

/** Kinds that can't be gone on with, and how their operator does it. */
const repeats: Readonly<Record<string, string>> = {
  edit: "its message is not kept, for nobody to read it: give the command with its file again",
  "job-run": "its process ended; `centralcloud jobs` tells how the job fared",
  reveal: "it has shown what it was for; give the command again",
  import: "its file is not kept: give the command with its file again",
};

/**
 * Goes on with an action whose runner is gone, from where its sources say that it is; or makes the figures final of one
 * that was cancelled.
 *
 * @throws {ActionUnavailableError} {@link SelectionError} {@link MissingRightsError}
 */
export async function continueAction(
  id: string,
  { central, sources, signal, onProgress }: ContinueOptions,
): Promise<RunResult> {
  const action = await readAction(central, id);
  if (action === undefined) throw new ActionUnavailableError(id, undefined, null);
  const parts = partsAt(action, sources);
  const step = steps[action.kind]?.(central);
  if (step === undefined) return await endUnrepeatable(action, parts, central);
  await assertMayAct(
    parts.map(({ place }) => place),
    step,
    central,
  );
  const session = await ActionSession.claim(central, action);
  const places = parts.map(({ place }) => place);
  const canary =
    action.canary === null ? {} : { canary: createCanary(action, places, action.canary.count) };
  const expected = action.expected ?? 0;
  const told = onProgress === undefined ? {} : { onProgress, expected };
  return await runAction(session, step, parts, {
    ...(signal ? { signal } : {}),
    ...canary,
    ...told,
  });
}

/**
 * What became of what a replay has sent from those of its sources that are given; undefined for actions that send
 * nothing.
 */
export async function outcomeOf(
  action: ActionDetails,
  sources: readonly LetterSource[],
): Promise<Outcome | undefined> {
  if (action.kind !== "replay" && action.kind !== "edit") return undefined;
  const outcomes: Outcome[] = [];
  for (const { sourceId, queue, startedAt } of action.parts) {
    const source = sources.find((one) => one.sourceId === sourceId);
    if (source === undefined || startedAt === null) continue;
    outcomes.push(
      await readOutcome({ place: placeAt(source, queue), actionId: action.id, startedAt }),
    );
  }
  return addOutcomes(outcomes);
}

/** The sources that an action is for, and that are not among those given: their names. */
export function missingSources(
  { parts }: ActionDetails,
  sources: readonly Pick<LetterSource, "sourceId">[],
): readonly string[] {
  const missing = parts.filter(
    ({ sourceId }) => !sources.some((source) => source.sourceId === sourceId),
  );
  return [...new Set(missing.map(({ sourceName }) => sourceName))];
}

function partsAt(
  action: ActionDetails,
  sources: readonly LetterSource[],
): readonly ActionPartOf<never>[] {
  const [missing] = missingSources(action, sources);
  if (missing !== undefined) {
    throw new SelectionError(
      `action ${action.id} is for source ${missing}, which is not connected`,
    );
  }
  return action.parts.map(({ sourceId, queue, selection }) => {
    const source = sources.find((one) => one.sourceId === sourceId) as LetterSource;
    return { place: placeAt(source, queue), selection: selection as never };
  });
}

function placeAt(source: LetterSource, queue: string): Place {
  if (!isQueueName(queue)) throw new SelectionError(`${queue} is no queue of ours`);
  return placeOf(source, queue);
}

/** What it has done is known all the same: it is told, and the action ends as failed or cancelled. */
async function endUnrepeatable(
  { id, key, kind }: ActionDetails,
  parts: readonly ActionPartOf<never>[],
  central: Pool,
): Promise<RunResult> {
  const session = await ActionSession.claim(central, { id, key });
  let movedBefore = 0;
  for (const { place } of parts) movedBefore += (await readProgress(place, { key }))?.moved ?? 0;
  const isDone = kind === "edit" && movedBefore > 0;
  const reason = repeats[kind] ?? `this build does not know actions of the kind ${kind}`;
  if (parts.length === 0) {
    await session.release("fail", reason);
    throw new SelectionError(`action ${id}: ${reason}`);
  }
  const step: AnyStep = {
    passes: 1,
    needs: () => [],
    async moveChunk() {
      if (!isDone) throw new SelectionError(reason);
      return { moved: 0, detail: {}, last: undefined };
    },
    countLeft: async () => ({ remaining: 0, refused: 0 }),
  };
  return await runAction(session, step, parts);
}
