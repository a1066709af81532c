/** Before so many milliseconds nobody is a straggler: a server may have to wake up. */
const leastMs = 1_500;
/** A straggler takes so many times as long as half of the others took. */
const timesOthers = 4;
/** So many must have answered for each that has not. */
const othersEach = 3;
/** So many must have answered before one is a straggler that has more to do than the others: with few, it is waited for. */
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
    if (times.length < Math.max(othersEach * waiting, isHeavy ? othersOfHeavy : 0)) return false;
    const median = times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? 0;
    return elapsedMs >= Math.max(leastMs, timesOthers * median);
  }
}
