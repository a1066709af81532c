/* Several databases are asked the same: what they answer, who could not be asked, and who holds up the others. */

/** A database that could not be asked. */
export interface Silence {
  /** The name of the source where that is known, else its address. */
  readonly source: string;
  readonly reason: string;
}

/** What databases said, and which of them could not be asked: the one shape of everything that is read of several. */
export interface Answers<Result> {
  /** In the order in which the databases were given. */
  readonly answers: readonly Result[];
  /** No connection, or no answer in time. */
  readonly unreachable: readonly Silence[];
  /** Reached, and refused: not migrated, no right to look. */
  readonly failed: readonly Silence[];
}

/** A database was waited for long enough. */
export class NoAnswerError extends Error {
  /** @param words what was waited for, such as `within 15 seconds`. */
  constructor(words: string) {
    super(`it did not answer ${words}`);
    this.name = "NoAnswerError";
  }
}

/** How often a database that has not answered is compared with the others, in milliseconds. */
const lookEveryMs = 50;

export interface AnswerLimits {
  /** Milliseconds that the answer may take. */
  readonly mostMs: number;
  /** Whether it holds up the others, after so many milliseconds; see {@link Stragglers}. */
  readonly isStraggler: (elapsedMs: number) => boolean;
}

/**
 * Calls `giveUp` once, where an answer takes too long or holds up the others.
 *
 * @returns what ends the watch: to be called when the answer is there.
 */
export function watchAnswer(
  { mostMs, isStraggler }: AnswerLimits,
  giveUp: (elapsedMs: number, isStraggler: boolean) => void,
): () => void {
  const began = performance.now();
  const look = setInterval(() => {
    const elapsedMs = performance.now() - began;
    const isOverdue = elapsedMs >= mostMs;
    if (!isOverdue && !isStraggler(elapsedMs)) return;
    clearInterval(look);
    giveUp(elapsedMs, !isOverdue);
  }, lookEveryMs);
  return () => clearInterval(look);
}

/** Before so many milliseconds nobody is a straggler: a server may have to wake up. */
const leastMs = 1_500;
/** A straggler takes so many times as long as half of the others took. */
const timesOthers = 4;
/** So many must have answered for each that has not. */
const othersEach = 3;
/** So many must have answered before one with more to do than the others is a straggler: among few, it is waited for. */
const othersOfHeavy = 8;

/**
 * Tells who holds up the others: one that has not answered after a second and a half and four times as long as the others
 * took, when three have answered for each that has not. So where one or two are asked, or all are slow, nobody is.
 */
export class Stragglers {
  readonly #total: number;
  readonly #answeredAfterMs: number[] = [];
  #settled = 0;

  /** @param total how many are asked. */
  constructor(total: number) {
    this.#total = total;
  }

  answered(afterMs: number): void {
    this.#settled += 1;
    this.#answeredAfterMs.push(afterMs);
  }

  failed(): void {
    this.#settled += 1;
  }

  /**
   * @param elapsedMs since it was first asked.
   * @param isHeavy whether it is known to be at work on something that may take longer there than elsewhere.
   */
  isStraggler(elapsedMs: number, isHeavy = false): boolean {
    const waiting = this.#total - this.#settled;
    const times = this.#answeredAfterMs;
    const least = Math.max(othersEach * waiting, isHeavy ? othersOfHeavy : 0);
    if (times.length < least) return false;
    const median = times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? 0;
    return elapsedMs >= Math.max(leastMs, timesOthers * median);
  }
}
