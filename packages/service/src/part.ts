import { isSettledWithin, settledWithin } from "./pause.ts";

/**
 * One start/stop contract for everything that runs: pools, lanes, servers, whole services.
 *
 * - `start` resolves when the part works, and rejects when it can't; a second call joins the first.
 * - `stop` is idempotent and safe at any time: without a start, twice, and while starting (it aborts
 *   the start, waits for it, then stops). It waits for work in flight for at most `graceMs`, and
 *   leaves no connection, timer or listener behind.
 * - `stop` resolves or rejects within `graceMs` and {@link overtimeMs}, whatever the part waits for: one that has
 *   not ended by then is left alone, and named by a {@link PartOverdueError}.
 * - A stopped part stays stopped: build a new one instead of restarting it.
 */
export interface Part {
  readonly name: string;
  start(): Promise<void>;
  /** @param graceMs how long work in flight may continue, in milliseconds; default 25,000. */
  stop(graceMs?: number): Promise<void>;
}

export interface PartDefinition {
  readonly name: string;
  /** @param signal aborted when `stop` is called before `start` has resolved. */
  start(signal: AbortSignal): Promise<void>;
  /** Called at most once, and also after a failed start, so that it can release what start took. */
  stop(graceMs: number): Promise<void>;
}

export const defaultGraceMs = 25_000;

export class PartStoppedError extends Error {
  readonly code = "part_stopped";
  constructor(part: string) {
    super(`${part} was stopped and can't be started again`);
    this.name = "PartStoppedError";
  }
}

/** How long beyond its grace period a part may take to let go of what it has, in milliseconds. */
export const overtimeMs = 1_500;

/** How long beyond its grace period a group waits for one part before it stops the next, in milliseconds. */
const timeoutMs = 1_000;

/** A part did not stop in time. What it waits for may still be open. */
export class PartOverdueError extends Error {
  readonly code = "part_overdue";
  constructor(part: string, graceMs: number) {
    super(`${part} had not stopped ${Math.round(graceMs + overtimeMs)} ms after it was asked to`);
    this.name = "PartOverdueError";
  }
}

/** Wraps a definition so that the contract of {@link Part} holds whatever the definition does. */
export function definePart(definition: PartDefinition): Part {
  const abort = new AbortController();
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  async function start(): Promise<void> {
    try {
      await definition.start(abort.signal);
    } catch (error) {
      await stop();
      throw error;
    }
    abort.signal.throwIfAborted();
  }

  async function stop(graceMs = defaultGraceMs): Promise<void> {
    stopping ??= definition.stop(graceMs);
    await stopping;
  }

  async function stopStarted(graceMs: number, deadline: number): Promise<void> {
    // A part that is still starting is stopped once its start has noticed the abort, or has had its time.
    await settledWithin(Promise.resolve(starting), graceMs);
    if (starting) await stop(Math.max(0, deadline - performance.now()));
  }

  return {
    name: definition.name,
    start() {
      if (abort.signal.aborted) return Promise.reject(new PartStoppedError(definition.name));
      starting ??= start();
      return starting;
    },
    async stop(graceMs = defaultGraceMs) {
      if (!abort.signal.aborted) abort.abort(new PartStoppedError(definition.name));
      const stopped = stopStarted(graceMs, performance.now() + graceMs);
      const inTime = await isSettledWithin(stopped, graceMs + overtimeMs);
      if (!inTime) throw new PartOverdueError(definition.name, graceMs);
      await stopped;
    },
  };
}

/**
 * Several parts as one: started in the given order, stopped in the reverse one. When one fails to
 * start, those before it are stopped again. When several fail to stop, every one is still stopped
 * and the errors come together.
 */
export function groupParts(name: string, parts: readonly Part[]): Part {
  return definePart({
    name,
    async start(signal) {
      for (const part of parts) {
        signal.throwIfAborted();
        const stopPart = () => void part.stop().catch(() => {});
        signal.addEventListener("abort", stopPart, { once: true });
        await part.start().finally(() => signal.removeEventListener("abort", stopPart));
      }
    },
    async stop(graceMs) {
      const deadline = performance.now() + graceMs;
      const errors: unknown[] = [];
      const stopping: Promise<void>[] = [];
      for (const part of parts.toReversed()) {
        const stop = part.stop(Math.max(0, deadline - performance.now()));
        stopping.push(stop.catch((error: unknown) => void errors.push(error)));
        // The others are stopped in time, too, beside one that takes longer than it should.
        await settledWithin(stop, deadline + timeoutMs - performance.now());
      }
      await Promise.all(stopping);
      if (errors.length > 0) throw new AggregateError(errors, `${name} did not stop cleanly`);
    },
  });
}
