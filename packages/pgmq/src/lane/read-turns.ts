import { pause } from "@centralcloud/service";

/** Readers of one queue at the same time, in all replicas together. */
const maxReaders = 4;

/** So often in a row a read may be turned away; a reader that does not end must not keep others out. */
const maxRefusals = 50;

/** Until it is tried again after it was turned away, in milliseconds; random, so that many do not come back in step. */
const wait = { fromMs: 3, toMs: 12 };

/** Lets a lane read when it is its turn among all replicas, which know nothing of each other. */
export class ReadTurns {
  #refusals = 0;

  /**
   * @param read given how many readers there may be; undefined for any number. Resolves to undefined
   *   when there were enough.
   * @returns undefined when it was turned away, after a short wait.
   */
  async take<Result>(
    read: (maxReaders: number | undefined) => Promise<Result | undefined>,
    stopping: AbortSignal,
  ): Promise<Result | undefined> {
    const result = await read(this.#refusals < maxRefusals ? maxReaders : undefined);
    if (result !== undefined) {
      this.#refusals = 0;
      return result;
    }
    this.#refusals += 1;
    await pause(wait.fromMs + Math.random() * (wait.toMs - wait.fromMs), stopping);
    return undefined;
  }
}
