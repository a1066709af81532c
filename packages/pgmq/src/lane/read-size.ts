/**
 * How many messages the next read should claim, so that their bodies fit into the batch's memory.
 *
 * Follows the sizes seen: up at once, down by half a step, so that one large batch is remembered for
 * a while. It begins with the largest size allowed, so that the first read never claims more than fits.
 * A read that the source could not finish in time is followed by one of half as many messages; each read that
 * is answered doubles the limit again.
 */
export class ReadSize {
  readonly #batchSize: number;
  readonly #maxBatchBytes: number;
  #expectedBytes: number;
  /** Messages that the source is thought to read in time; from 1 to the batch size. */
  #inTime: number;

  constructor(batchSize: number, maxBatchBytes: number, maxMessageBytes: number) {
    this.#batchSize = batchSize;
    this.#maxBatchBytes = maxBatchBytes;
    this.#expectedBytes = maxMessageBytes;
    this.#inTime = batchSize;
  }

  /** From 1 to the batch size. */
  next(): number {
    const fitting = Math.floor(this.#maxBatchBytes / this.#expectedBytes);
    return Math.max(1, Math.min(this.#inTime, fitting));
  }

  /** A read of so many messages was ended by a timeout. */
  timedOut(quantity: number): void {
    this.#inTime = Math.max(1, Math.floor(quantity / 2));
  }

  /** @param bytes the size of all bodies of a read, also of those that were withheld. */
  learn(count: number, bytes: number): void {
    this.#inTime = Math.min(this.#batchSize, 2 * this.#inTime);
    if (count === 0) return;
    const mean = Math.max(1, bytes / count);
    // One read of a few messages says little about the next hundred: step down faster the more it saw.
    const weight = Math.min(1, count / 4);
    const lower = this.#expectedBytes + (mean - this.#expectedBytes) * weight;
    this.#expectedBytes = Math.max(mean, lower);
  }
}
