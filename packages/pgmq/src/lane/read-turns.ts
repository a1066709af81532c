import { pause } from "@centralcloud/service";

/** Readers of one queue at the same time, in all replicas together. */
const maxReaders = 2;

/**
 * Until it is tried again after it was turned away, in milliseconds: twice as long each time, since those
 * who read go on while there is work, and asking costs the source as much as a small read. Half of it is
 * random, so that many do not come back in step.
 */
const wait = { firstMs: 5, lastMs: 320 };

/** A lane that was turned away for so long reads all the same: a reader that does not end must not keep others out. */
const patienceMs = 2_000;

/** Lets a lane read when it is its turn among all replicas, which know nothing of each other. */
export class ReadTurns {
  #waitMs: number = wait.firstMs;
  #refusedSince: number | undefined;

  /** Others keep it from reading. */
  get isContended(): boolean {
    return this.#refusedSince !== undefined;
  }

  /**
   * @param read given how many readers there may be; undefined for any number. Resolves to undefined
   *   when there were enough.
   * @returns undefined when it was turned away, after a short wait.
   */
  async take<Result>(
    read: (maxReaders: number | undefined) => Promise<Result | undefined>,
    stopping: AbortSignal,
  ): Promise<Result | undefined> {
    const result = await read(this.#isPatient() ? maxReaders : undefined);
    if (result !== undefined) {
      this.#waitMs = wait.firstMs;
      this.#refusedSince = undefined;
      return result;
    }
    this.#refusedSince ??= performance.now();
    await pause(this.#waitMs * (0.5 + Math.random() / 2), stopping);
    this.#waitMs = Math.min(wait.lastMs, this.#waitMs * 2);
    return undefined;
  }

  #isPatient(): boolean {
    return this.#refusedSince === undefined || performance.now() - this.#refusedSince < patienceMs;
  }
}
