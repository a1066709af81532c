import {
  definePart,
  type Observe,
  type Part,
  pause,
  settledWithin,
  wordsOf,
} from "@centralcloud/service";
import type { ConsumerObservation } from "./observation.ts";

export interface RepeatingTask {
  readonly name: string;
  /** The source that it is about, where it is about one. */
  readonly sourceId?: string;
  /** From the end of one run to the start of the next, a tenth of it random. */
  readonly everyMs: number;
  /** Until the first run. */
  readonly firstAfterMs: number;
  run(signal: AbortSignal): Promise<void>;
}

/** Does something again and again. A run that fails is reported, and the next one comes nevertheless. */
export function createRepeatingTask(
  task: RepeatingTask,
  observe: Observe<ConsumerObservation>,
): Part {
  const stopping = new AbortController();
  const about = {
    task: task.name,
    ...(task.sourceId === undefined ? {} : { sourceId: task.sourceId }),
  };
  let loop: Promise<void> | undefined;
  let failures = 0;
  let failingSince = 0;

  async function repeat(): Promise<void> {
    await pause(task.firstAfterMs, stopping.signal);
    while (!stopping.signal.aborted) {
      try {
        await task.run(stopping.signal);
        if (failures > 0) {
          const downMs = performance.now() - failingSince;
          observe({ event: "upkeep-recovered", ...about, failures, downMs });
        }
        failures = 0;
      } catch (error) {
        if (!stopping.signal.aborted) {
          if (failures === 0) failingSince = performance.now();
          failures += 1;
          observe({ event: "upkeep-fault", ...about, error: wordsOf(error) });
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
