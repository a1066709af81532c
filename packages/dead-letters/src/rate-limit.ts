export interface RateLimitOptions {
  /** Messages per second at most; default: as fast as it goes. */
  readonly rate?: number;
  /** Ends the run after the chunk under way. */
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/** How far a run is. */
export interface RunProgress {
  readonly actionId: string;
  /** Messages that it has moved, by whichever runner. */
  readonly moved: number;
  /** How many there were when it was planned. */
  readonly expected: number;
}

/** Is told how far a run is, before each chunk. */
export type OnProgress = (progress: RunProgress) => void;

/** One transaction each: long enough to be fast, short enough to hold no lock for long. */
const maxChunk = 500;

/** A run that was late may catch up for so long, in milliseconds. */
const maxDebtMs = 1_000;

/** Divides a run into chunks, and keeps its rate, which may change on the way. */
export class RateLimit {
  #rate: number | null = null;
  /** When the next chunk may begin, by the monotonic clock. */
  #nextAt = performance.now();

  /** Messages of a chunk: two chunks a second, so that the rate is even. */
  get limit(): number {
    if (this.#rate === null) return maxChunk;
    return Math.max(1, Math.min(maxChunk, Math.floor(this.#rate / 2)));
  }

  /** Until the next chunk may begin. */
  get dueMs(): number {
    return Math.max(0, this.#nextAt - performance.now());
  }

  /** @param rate messages a second; null for as fast as it goes. */
  setRate(rate: number | null): void {
    if (rate === this.#rate) return;
    const leftMs = rate === null || this.#rate === null ? 0 : this.dueMs * (this.#rate / rate);
    this.#nextAt = performance.now() + leftMs;
    this.#rate = rate;
  }

  /** After a chunk of so many messages. */
  count(messages: number): void {
    if (this.#rate === null) return;
    const from = Math.max(this.#nextAt, performance.now() - maxDebtMs);
    this.#nextAt = from + (messages / this.#rate) * 1_000;
  }
}
