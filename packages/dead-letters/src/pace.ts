import { pause } from "@centralcloud/service";

export interface PaceOptions {
  /** Messages per second at most; default: as fast as it goes. */
  readonly rate?: number;
  /** Ends the run after the chunk under way. */
  readonly signal?: AbortSignal;
}

/** Divides a run into chunks, and keeps its rate. */
export interface Pace {
  /** Messages of a chunk. */
  readonly limit: number;
  readonly interrupted: boolean;
  /** Waits until the next chunk may begin, after so many messages. */
  wait(moved: number): Promise<void>;
}

/** One transaction each: long enough to be fast, short enough to hold no lock for long. */
const maxChunk = 500;

export function createPace({ rate, signal = new AbortController().signal }: PaceOptions): Pace {
  const startedAt = performance.now();
  let total = 0;
  return {
    // Two chunks a second, so that the rate is even.
    limit: rate === undefined ? maxChunk : Math.max(1, Math.min(maxChunk, Math.floor(rate / 2))),
    get interrupted() {
      return signal.aborted;
    },
    async wait(moved) {
      total += moved;
      if (rate === undefined) return;
      const dueMs = startedAt + (total / rate) * 1000 - performance.now();
      if (dueMs > 0) await pause(dueMs, signal);
    },
  };
}
