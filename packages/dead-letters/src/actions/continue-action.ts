import { type ActionDetails, readAction } from "@centralcloud/central";
import { isQueueName } from "@centralcloud/contracts";
import type { Pool } from "pg";
import { discardStep } from "../discard-dead-letters.ts";
import { ActionFileNeededError, ActionUnavailableError, SelectionError } from "../errors.ts";
import type { ResolvedFilter } from "../filter.ts";
import { assertSameFile, createImportStep } from "../import-dead-letters.ts";
import { checkLines, type OpenLines } from "../import-lines.ts";
import type { JudgeOptions } from "../judge-message.ts";
import { type DeadLetterSource, type Place, placeOf } from "../place.ts";
import type { OnProgress } from "../rate-limit.ts";
import { replayArchiveStep } from "../replay-archive.ts";
import { checkEdit, replayStep } from "../replay-dead-letters.ts";
import { restoreStep } from "../restore-chunk.ts";
import { assertMayAct } from "../rights.ts";
import { createCanary } from "./canary.ts";
import { addOutcomes, type Outcome, readOutcome, readPutBack } from "./outcome.ts";
import { readProgress } from "./progress.ts";
import {
  type ActionPartOf,
  type ActionStep,
  type RunResult,
  runAction,
  type WhenInterrupted,
} from "./run-action.ts";
import { ActionSession } from "./session.ts";

export interface ContinueOptions {
  readonly central: Pool;
  /** Those that the action is for, at least. */
  readonly sources: readonly DeadLetterSource[];
  /** What its operator had in a file, which is kept nowhere: an edit and an import take it again. */
  readonly file?: ActionFile;
  readonly signal?: AbortSignal;
  /** What the signal does to the action; default: `pause`. */
  readonly whenInterrupted?: WhenInterrupted;
  /** Is told once that the action is this process's, with what the central store knew of it before. */
  readonly onClaimed?: (action: ActionDetails) => void;
  readonly onProgress?: OnProgress;
}

export interface ActionFile {
  /** Gives its lines from the first one on, each time that it is called. */
  readonly openLines: OpenLines;
  /** How the changed message of an edit is checked. */
  readonly judge: JudgeOptions;
}

/** A selection was written by the step that reads it again. */
type AnyStep = ActionStep<never> & { readonly close?: () => Promise<void> };

/** What is done by each kind of action that needs nothing but its row; others need what their operator had. */
const steps: Readonly<Record<string, (central: Pool) => AnyStep>> = {
  replay: (central) => replayStep(central),
  discard: () => discardStep,
  restore: () => restoreStep,
  "replay-archive": () => replayArchiveStep,
};

/** Kinds that can't be continued, and how their operator does it. */
const repeats: Readonly<Record<string, string>> = {
  "job-run": "its process ended; `centralcloud jobs` tells how the job fared",
  reveal: "it has shown what it was for; give the command again",
  "adopt-source": "its process ended; `centralcloud sources list` tells what is decided",
  "renew-source": "its process ended; `centralcloud sources list` tells whether it was renewed",
};

/** Whether this build knows how an action of the kind is continued. */
export function isKnownKind({ kind }: Pick<ActionDetails, "kind">): boolean {
  return Object.hasOwn(steps, kind) || takesFile({ kind });
}

/** Kinds that take a file of their operator's, which is kept nowhere. */
export function takesFile({ kind }: Pick<ActionDetails, "kind">): boolean {
  return kind === "edit" || kind === "import";
}

/**
 * Continues with an action whose runner is gone, from where its sources say that it is; or makes the figures final of one
 * that was cancelled.
 *
 * @throws {ActionUnavailableError} {@link SelectionError} {@link MissingRightsError} {@link EditRefusedError}
 *   {@link ActionFileNeededError} where it takes a file, and is not at its end.
 */
export async function continueAction(id: string, options: ContinueOptions): Promise<RunResult> {
  const { central, sources, signal, onClaimed, onProgress, whenInterrupted } = options;
  const action = await readAction(central, id);
  if (action === undefined) throw new ActionUnavailableError(id, undefined, null);
  const parts = partsAt(action, sources);
  const places = parts.map(({ place }) => place);
  const step = takesFile(action)
    ? await stepWithFile(action, places, options)
    : steps[action.kind]?.(central);
  if (step === undefined) return await endUnrepeatable(action, parts, central);
  try {
    await assertMayAct(places, step, central);
    const session = await ActionSession.claim(central, action);
    onClaimed?.(action);
    const canary =
      action.canary === null ? {} : { canary: createCanary(action, places, action.canary.count) };
    const expected = action.expected ?? 0;
    return await runAction(session, step, parts, {
      ...(signal ? { signal } : {}),
      ...(whenInterrupted ? { whenInterrupted } : {}),
      ...canary,
      ...(onProgress === undefined ? {} : { onProgress, expected }),
    });
  } finally {
    await step.close?.();
  }
}

/** How an edit or an import continues: with its file, or without one where nothing is left to do. */
async function stepWithFile(
  action: ActionDetails,
  places: readonly Place[],
  { central, sources, file }: ContinueOptions,
): Promise<AnyStep> {
  if (action.state === "cancelled" || (await isThrough(action, places))) return endingStep(action);
  if (file === undefined) throw new ActionFileNeededError(action.id, action.kind);
  if (action.kind === "import") {
    const checked = await checkLines(file.openLines, sources);
    assertSameFile(action, checked);
    return createImportStep(action, checked, file.openLines, sources);
  }
  const [place] = places;
  const { ids } = Object(action.parts[0]?.selection) as ResolvedFilter;
  if (place === undefined || ids === undefined)
    throw new SelectionError("an edit is for one dead letter");
  const lines: string[] = [];
  for await (const line of file.openLines()) lines.push(line);
  const scope = { sources: [place.source], queues: [place.queue] };
  const edit = await checkEdit(scope, { ids }, lines.join("\n"), file.judge);
  return replayStep(central, edit);
}

/** Whether its sources say that all of it was done, so that only its record has to be closed. */
async function isThrough(action: ActionDetails, places: readonly Place[]): Promise<boolean> {
  for (const place of places) {
    if ((await countUndone(action, place)) > 0) return false;
  }
  return true;
}

/** How many messages of an edit or an import its source has not counted yet. */
async function countUndone({ key, parts }: ActionDetails, place: Place): Promise<number> {
  const part = parts.find(
    ({ sourceId, queue }) => sourceId === place.source.sourceId && queue === place.queue,
  );
  const progress = await readProgress(place, { key });
  const done = (progress?.moved ?? 0) + (progress?.detail.present ?? 0);
  return Math.max(0, (part?.expected ?? 0) - done);
}

/** Moves nothing more. */
function endingStep(action: ActionDetails): AnyStep {
  return {
    passes: 1,
    needs: () => [],
    moveChunk: async () => ({ moved: 0, detail: {}, last: undefined }),
    countLeft: async (place) => ({ remaining: await countUndone(action, place), refused: 0 }),
  };
}

/** Whether an action sends messages, or puts them back into their queue: then it is known what became of them. */
export function sendsMessages({ kind }: Pick<ActionDetails, "kind">): boolean {
  return kind === "replay" || kind === "edit" || kind === "replay-archive";
}

/**
 * What became of what a replay has sent from those of its sources that are given, or of what an archive replay has put
 * back there; undefined for actions that send nothing.
 */
export async function outcomeOf(
  action: ActionDetails,
  sources: readonly DeadLetterSource[],
): Promise<Outcome | undefined> {
  if (!sendsMessages(action)) return undefined;
  const outcomes: Outcome[] = [];
  for (const { sourceId, queue, startedAt, endedAt } of action.parts) {
    const source = sources.find((one) => one.sourceId === sourceId);
    if (source === undefined || startedAt === null) continue;
    const part = { place: placeAt(source, queue), actionId: action.id, startedAt, endedAt };
    if (action.kind !== "replay-archive") outcomes.push(await readOutcome(part));
    else {
      const { moved = 0 } = (await readProgress(part.place, action)) ?? {};
      outcomes.push(await readPutBack({ ...part, moved }));
    }
  }
  return addOutcomes(outcomes);
}

/** The sources that an action is for, and that are not among those given: their names. */
export function missingSources(
  { parts }: ActionDetails,
  sources: readonly Pick<DeadLetterSource, "sourceId">[],
): readonly string[] {
  const missing = parts.filter(
    ({ sourceId }) => !sources.some((source) => source.sourceId === sourceId),
  );
  return [...new Set(missing.map(({ sourceName }) => sourceName))];
}

function partsAt(
  action: ActionDetails,
  sources: readonly DeadLetterSource[],
): readonly ActionPartOf<never>[] {
  const [missing] = missingSources(action, sources);
  if (missing !== undefined) {
    throw new SelectionError(
      `action ${action.id} is for source ${missing}, which is not connected`,
    );
  }
  return action.parts.map(({ sourceId, queue, selection }) => {
    const source = sources.find((one) => one.sourceId === sourceId) as DeadLetterSource;
    return { place: placeAt(source, queue), selection: selection as never };
  });
}

function placeAt(source: DeadLetterSource, queue: string): Place {
  if (!isQueueName(queue)) throw new SelectionError(`${queue} is no queue of ours`);
  return placeOf(source, queue);
}

/** Its process did what it was for, or did not: nobody can continue with it, and it ends as failed or cancelled. */
async function endUnrepeatable(
  action: ActionDetails,
  parts: readonly ActionPartOf<never>[],
  central: Pool,
): Promise<RunResult> {
  const { id, key, kind } = action;
  const session = await ActionSession.claim(central, { id, key });
  const reason = repeats[kind] ?? `this build does not know actions of the kind ${kind}`;
  if (parts.length === 0) {
    await session.release("fail", reason);
    throw new SelectionError(`action ${id}: ${reason}`);
  }
  const step: AnyStep = {
    ...endingStep(action),
    async moveChunk() {
      throw new SelectionError(reason);
    },
  };
  return await runAction(session, step, parts);
}
