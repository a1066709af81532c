/** How many reads in a row may begin behind the last one. */
const readsAhead = 16;

/**
 * From where the next read looks. After a full batch it goes on behind it: what lies in front is in
 * flight, or dead, and stepping over it costs more the more there is. What comes back to the queue
 * meanwhile lies in front, too, so every now and then, and whenever a batch was not full, the read
 * begins at the start.
 */
export class Frontier {
  #afterId: string | undefined;
  #reads = 0;

  /** Undefined: from the start. */
  get afterId(): string | undefined {
    return this.#afterId;
  }

  /** @param lastId the highest id of a read that got all that it asked for; undefined when it did not. */
  moved(lastId: string | undefined): void {
    this.#reads += 1;
    const goesOn = lastId !== undefined && this.#reads < readsAhead;
    this.#afterId = goesOn ? lastId : undefined;
    if (!goesOn) this.#reads = 0;
  }
}
