/**
 * One read's hold on its messages: the visibility timeouts that it set, or may have set, since the answer of a
 * statement can be lost. All messages of a read have the same, and no other read ever set the same, so a
 * message that has one of them is still held by this read. The read count alone does not tell: a message that
 * was given back and read again has the count that it had.
 */
export class Hold {
  readonly #visibleAt: readonly [number];
  readonly #later: number[] = [];
  readonly #claimedAt: number;

  /**
   * @param visibleAt the visibility timeout that the read set: microseconds since 1970 by the source's clock,
   *   which a number holds exactly until the year 2255.
   * @param claimedAt when the read was sent, by the clock of `performance.now()`.
   */
  constructor(visibleAt: number, claimedAt: number) {
    this.#visibleAt = [visibleAt];
    this.#claimedAt = claimedAt;
  }

  /** All visibility timeouts by which a message is known to be held, in digits. */
  get marks(): readonly string[] {
    return [...this.#visibleAt, ...this.#later].map(String);
  }

  /**
   * The visibility timeout that holds the messages as long from now as the read held them from when it was sent;
   * from here on it is one of the marks.
   */
  extend(): string {
    const elapsed = Math.round((performance.now() - this.#claimedAt) * 1_000);
    const visibleAt = this.#visibleAt[0] + elapsed;
    this.#later.push(visibleAt);
    return String(visibleAt);
  }
}
