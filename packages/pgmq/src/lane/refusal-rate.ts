/** How many messages of earlier batches count, at most, beside those of the present one. */
const weight = 300;
/** Messages in a group, times the rate: below one, since a refused group costs its merge and a search. */
const refusalsPerGroup = 0.35;

/**
 * How many of a lane's messages its store refuses, learnt from batch to batch: where refusals are usual,
 * a whole batch is sure to be refused, and groups that have a chance are tried from the start.
 */
export class RefusalRate {
  /** Each batch counts half as much as the one after it. */
  #seen = 0;
  #refused = 0;

  /**
   * How many messages to merge at a time.
   *
   * @param decided messages of this batch of which the store's answer is known,
   * @param refused and those among them that it refused.
   * @param rest messages of this batch that are still to be decided.
   */
  groupSize(decided: number, refused: number, rest: number): number {
    // One culprit is likely to be the only one.
    if (this.#refused === 0 && refused < 2) return rest;
    const share = this.#refused === 0 ? 0 : Math.min(1, weight / this.#seen);
    const rate = (this.#refused * share + refused) / (this.#seen * share + decided);
    return Math.max(1, Math.min(rest, Math.round(refusalsPerGroup / rate)));
  }

  /** What became of a batch. A few batches without a refusal, and those before them are forgotten. */
  learn(decided: number, refused: number): void {
    this.#seen = this.#seen / 2 + decided;
    this.#refused = this.#refused / 2 + refused;
    if (this.#refused < 0.5) this.#refused = 0;
  }
}
