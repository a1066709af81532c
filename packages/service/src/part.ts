/**
 * One start/stop contract for everything that runs: pools, lanes, servers, whole services.
 *
 * - `start` resolves when the part works, and rejects when it can't; a second call joins the first.
 * - `stop` is idempotent and safe at any time: without a start, twice, and while starting (it aborts
 *   the start, waits for it, then stops). It waits for work in flight for at most `graceMs`, and
 *   leaves no connection, timer or listener behind.
 * - A stopped part stays stopped: build a new one instead of restarting it.
 */
export interface Part {
  readonly name: string;
  start(): Promise<void>;
  /** @param graceMs how long work in flight may go on, in milliseconds; default 25,000. */
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

  return {
    name: definition.name,
    start() {
      if (abort.signal.aborted) return Promise.reject(new PartStoppedError(definition.name));
      starting ??= start();
      return starting;
    },
    async stop(graceMs = defaultGraceMs) {
      if (!abort.signal.aborted) abort.abort(new PartStoppedError(definition.name));
      // A part that is still starting is stopped once its start has noticed the abort.
      await starting?.catch(() => {});
      if (starting) await stop(graceMs);
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
      for (const part of parts.toReversed()) {
        try {
          await part.stop(Math.max(0, deadline - performance.now()));
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw new AggregateError(errors, `${name} did not stop cleanly`);
    },
  });
}
