import {
  definePart,
  type Observe,
  type Part,
  pause,
  settledWithin,
  wordsOf,
} from "@centralcloud/service";

export interface RepeatingTask {
  readonly name: string;
  /** From the end of one run to the start of the next, a tenth of it random. */
  readonly everyMs: number;
  /** Until the first run. */
  readonly firstAfterMs: number;
  run(signal: AbortSignal): Promise<void>;
}

/** Does something again and again. A run that fails is reported, and the next one comes all the same. */
export function createRepeatingTask(task: RepeatingTask, observe: Observe): Part {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;

  async function repeat(): Promise<void> {
    await pause(task.firstAfterMs, stopping.signal);
    while (!stopping.signal.aborted) {
      try {
        await task.run(stopping.signal);
      } catch (error) {
        if (!stopping.signal.aborted) {
          observe({ event: "upkeep-fault", task: task.name, error: wordsOf(error) });
        }
      }
      await pause(task.everyMs * (0.9 + Math.random() / 10), stopping.signal);
    }
  }

  return definePart({
    name: task.name,
    async start() {
      loop = repeat();
    },
    async stop(graceMs) {
      stopping.abort();
      // A run that waits for a database ends with the pool.
      await settledWithin(Promise.resolve(loop), graceMs);
    },
  });
}
