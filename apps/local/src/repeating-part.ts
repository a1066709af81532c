import { setTimeout as delay } from "node:timers/promises";
import { definePart, type Part } from "@centralcloud/service";

export interface RepeatingPartDefinition {
  readonly name: string;
  /** Between the end of one tick and the begin of the next, and before the first one. */
  readonly everyMs: number;
  /** @param signal aborted when the part is stopped; `stop` waits for the tick. */
  tick(signal: AbortSignal): Promise<void>;
  /** Called for the first of several failures in a row: the next tick tries again. */
  onFault(error: unknown): void;
  /** Called once, after the last tick. */
  close(): Promise<void>;
}

const longestRestMs = 5_000;

/** Does something again and again. A database that is down for a while only costs ticks. */
export function createRepeatingPart(definition: RepeatingPartDefinition): Part {
  const { name, everyMs } = definition;
  const stopping = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    const { signal } = stopping;
    let isFailing = false;
    // A tick that took long is followed by a longer rest, so that ticks never fill a machine's time.
    let restMs = everyMs;
    while (true) {
      await delay(restMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const startedAt = performance.now();
      try {
        await definition.tick(signal);
        isFailing = false;
      } catch (error) {
        if (!isFailing) definition.onFault(error);
        isFailing = true;
      }
      restMs = Math.max(everyMs, Math.min(longestRestMs, 10 * (performance.now() - startedAt)));
    }
  }

  return definePart({
    name,
    async start() {
      loop = run();
    },
    async stop(graceMs) {
      stopping.abort();
      const deadline = new AbortController();
      const timeUp = delay(graceMs, undefined, { signal: deadline.signal }).catch(() => {});
      const ended = loop.then(() => definition.close());
      await Promise.race([ended, timeUp]).finally(() => deadline.abort());
    },
  });
}
