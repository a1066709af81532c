import {
  type ActionDetails,
  type ActionSummary,
  listWaitingActions,
  readActingLogin,
  readAction,
} from "@centralcloud/central";
import { definePart, type Observe, type Part, pause, wordsOf } from "@centralcloud/service";
import type { Pool } from "pg";
import { ActionFileNeededError, ActionLostError, ActionUnavailableError } from "../errors.ts";
import type { WorkerObservation } from "../observation.ts";
import type { DeadLetterSource } from "../place.ts";
import { continueAction, isKnownKind, missingSources } from "./continue-action.ts";
import { readProgress } from "./progress.ts";

/*
 * Continues actions whose runner died. What it does is done with the rights of its own login, which may be more than
 * whoever planned an action has; so it does only what the sources themselves vouch for: see `#unvouchedPart`.
 */

export interface WorkOptions {
  readonly central: Pool;
  /** Connects those of the sources that answer, for as long as the work takes. */
  readonly withSources: (
    sourceIds: readonly string[],
    work: (sources: readonly DeadLetterSource[]) => Promise<void>,
  ) => Promise<void>;
  readonly observe: Observe<WorkerObservation>;
  /** How often it is looked for actions that wait, in milliseconds; default: 2,000. */
  readonly everyMs?: number;
}

/** Beside a slow action, others continue. */
const atATime = 4;

const lookEveryMs = 2_000;

/** One that was left alone is tried again after so many milliseconds: its source may answer by then. */
const tryAgainMs = 15_000;

/** After faults of the central store it is asked again after so many milliseconds, twice as many each time, up to the last. */
const retryMs = { first: 1_000, most: 30_000 };

/**
 * A part that continues each action whose runner is gone, a few at the same time; several of them, on several machines,
 * share the work. When it is stopped, its actions are free for the others at once.
 */
export function createActionWorker(options: WorkOptions): Part {
  const stopping = new AbortController();
  const worker = new ActionWorker(options, stopping.signal);
  let ended: Promise<void> | undefined;
  return definePart({
    name: "action worker",
    async start() {
      ended = worker.run();
      options.observe({ event: "part-started", part: "action worker" });
    },
    async stop() {
      stopping.abort();
      await ended;
      options.observe({ event: "part-stopped", part: "action worker" });
    },
  });
}

class ActionWorker {
  readonly #options: WorkOptions;
  readonly #signal: AbortSignal;
  readonly #running = new Map<string, Promise<void>>();
  /** Why an action was left alone, as it was last told, and when, by the monotonic clock: the same is not told twice. */
  readonly #left = new Map<string, { readonly reason: string; readonly atMs: number }>();
  #login: string | undefined;

  constructor(options: WorkOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const { everyMs = lookEveryMs, observe } = this.#options;
    let retryInMs = retryMs.first;
    let failingSinceMs: number | undefined;
    while (!this.#signal.aborted) {
      try {
        await this.#look();
        if (failingSinceMs !== undefined) {
          observe({ event: "actions-recovered", downMs: performance.now() - failingSinceMs });
        }
        failingSinceMs = undefined;
        retryInMs = retryMs.first;
        await pause(everyMs, this.#signal);
      } catch (error) {
        failingSinceMs ??= performance.now();
        observe({ event: "actions-fault", error: wordsOf(error), retryInMs });
        await pause(retryInMs, this.#signal);
        retryInMs = Math.min(2 * retryInMs, retryMs.most);
      }
    }
    await Promise.all(this.#running.values());
  }

  /** Begins with as many of the actions that wait as there is room for. */
  async #look(): Promise<void> {
    const { central } = this.#options;
    this.#login ??= await readActingLogin(central);
    const waiting = await listWaitingActions(central);
    for (const id of this.#left.keys()) {
      if (!waiting.some((action) => action.id === id)) this.#left.delete(id);
    }
    for (const action of waiting) {
      if (this.#running.size >= atATime || this.#signal.aborted) return;
      const leftAtMs = this.#left.get(action.id)?.atMs ?? Number.NEGATIVE_INFINITY;
      const isDue = performance.now() - leftAtMs >= tryAgainMs;
      if (!isDue || this.#running.has(action.id)) continue;
      const work = this.#take(action).finally(() => this.#running.delete(action.id));
      this.#running.set(action.id, work);
    }
  }

  /** Never rejects: what keeps one action from continuing keeps no other. */
  async #take({ id }: ActionSummary): Promise<void> {
    const { central, withSources } = this.#options;
    try {
      const action = await readAction(central, id);
      if (action === undefined) return;
      const ids = [...new Set(action.parts.map(({ sourceId }) => sourceId))];
      await withSources(ids, (sources) => this.#continue(action, sources));
    } catch (error) {
      // Somebody else was faster, or has it now.
      if (error instanceof ActionUnavailableError || error instanceof ActionLostError) return;
      this.#leave(id, wordsOf(error));
    }
  }

  async #continue(action: ActionDetails, sources: readonly DeadLetterSource[]): Promise<void> {
    const { central, observe } = this.#options;
    const { id, kind } = action;
    if (!isKnownKind(action)) {
      return this.#leave(id, `this build does not know actions of the kind ${kind}`);
    }
    const [missing] = missingSources(action, sources);
    if (missing !== undefined) return this.#leave(id, `its source ${missing} does not answer`);
    const unvouched = await this.#unvouchedPart(action, sources);
    if (unvouched !== undefined) return this.#leave(id, unvouched);
    try {
      const result = await continueAction(id, {
        central,
        sources,
        signal: this.#signal,
        whenInterrupted: "release",
        onClaimed: ({ moved }) => observe({ event: "action-continued", action: id, kind, moved }),
      });
      const { state, moved, remaining } = result;
      observe({ event: "action-ended", action: id, kind, state, moved, remaining });
    } catch (error) {
      if (error instanceof ActionFileNeededError) return this.#leave(id, error.message);
      throw error;
    }
  }

  /**
   * Why an action must not be continued with this login's rights: whoever may plan actions in the central store may have
   * no rights at a source. So each part must have been opened at its source, which takes the rights to act there, or the
   * action must have been planned by this very login. That holds for a cancelled one, too: to make its figures final its
   * parts are opened and closed.
   */
  async #unvouchedPart(
    { id, key, login, state, parts }: ActionDetails,
    sources: readonly DeadLetterSource[],
  ): Promise<string | undefined> {
    if (login === this.#login) return undefined;
    const [verb, effect] = state === "cancelled" ? ["cancel", "ends"] : ["resume", "continues"];
    for (const { sourceId, sourceName, queue } of parts) {
      const source = sources.find((one) => one.sourceId === sourceId);
      const progress = source && (await readProgress({ source, queue }, { key }));
      if (progress === undefined) {
        return (
          `its runner had not begun with ${queue} of ${sourceName}, so that source does not say whether whoever planned ` +
          `it may act there: \`centralcloud actions ${verb} ${id}\` ${effect} it, by the rights of whoever gives it`
        );
      }
    }
    return undefined;
  }

  #leave(id: string, reason: string): void {
    const isKnown = this.#left.get(id)?.reason === reason;
    this.#left.set(id, { reason, atMs: performance.now() });
    if (isKnown) return;
    this.#options.observe({ event: "action-not-continued", action: id, reason });
  }
}
