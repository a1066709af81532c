/**
 * Keeps the batches of a lane roughly in their order: one begins to merge once those that were read long
 * before it have been tried, so that at most `size - 1` later batches come before any. Only the first
 * try of a batch counts: looking for a message that the store refuses holds up nobody.
 */
export class MergeWindow {
  readonly #size: number;
  /** Batches that are being tried, or wait for their turn, by their numbers. */
  readonly #trying = new Map<number, Promise<unknown>>();

  /** @param size how many batches are merged at once. */
  constructor(size: number) {
    this.#size = size;
  }

  /** @param batch its number; batches ask in the order of their numbers. */
  async try<Result>(batch: number, merge: () => Promise<Result>): Promise<Result> {
    const earlier = [...this.#trying].filter(([other]) => other <= batch - this.#size);
    const tried = Promise.allSettled(earlier.map(([, trying]) => trying)).then(merge);
    this.#trying.set(batch, tried);
    try {
      return await tried;
    } finally {
      this.#trying.delete(batch);
    }
  }
}
