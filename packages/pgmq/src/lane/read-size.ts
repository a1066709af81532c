/**
 * How many messages the next read should claim, so that their bodies fit into the batch's memory.
 *
 * Follows the sizes seen: up at once, down by half a step, so that one large batch is remembered for
 * a while. It begins with the largest size allowed, so that the first read never claims more than fits.
 * While reads find as many messages as they asked for, a backlog waits, and larger batches get through it sooner:
 * each such read doubles the limit, up to the size for backlogs; the first that finds fewer ends that.
 * A read that the source could not finish in time is followed by one of half as many messages; each read that
 * is answered doubles the limit again.
 */
export class ReadSize {
  readonly #batchSize: number;
  readonly #maxBatchBytes: number;
  #expectedBytes: number;
  readonly #backlogBatchSize: number;
  /** Messages that the next read may ask for, if they are small; from 1 to the size for backlogs. */
  #limit: number;
  #asked: number;

  /** @param backlogBatchSize at least the batch size; default: the same. */
  constructor(
    batchSize: number,
    maxBatchBytes: number,
    maxMessageBytes: number,
    backlogBatchSize = batchSize,
  ) {
    this.#batchSize = batchSize;
    this.#backlogBatchSize = backlogBatchSize;
    this.#maxBatchBytes = maxBatchBytes;
    this.#expectedBytes = maxMessageBytes;
    this.#limit = batchSize;
    this.#asked = batchSize;
  }

  /** From 1 to the size for backlogs. */
  next(): number {
    const fitting = Math.floor(this.#maxBatchBytes / this.#expectedBytes);
    this.#asked = Math.max(1, Math.min(this.#limit, fitting));
    return this.#asked;
  }

  /** A read of so many messages was ended by a timeout. */
  timedOut(quantity: number): void {
    this.#limit = Math.max(1, Math.floor(quantity / 2));
  }

  /** @param bytes the size of all bodies of a read, also of those that were withheld. */
  learn(count: number, bytes: number): void {
    const highest = count >= this.#asked ? this.#backlogBatchSize : this.#batchSize;
    this.#limit = Math.min(highest, 2 * this.#limit);
    if (count === 0) return;
    const mean = Math.max(1, bytes / count);
    // One read of a few messages says little about the next hundred: step down faster the more it saw.
    const weight = Math.min(1, count / 4);
    const lower = this.#expectedBytes + (mean - this.#expectedBytes) * weight;
    this.#expectedBytes = Math.max(mean, lower);
  }
}
