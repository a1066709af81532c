/** How long to wait after a read that found nothing, in milliseconds. */
const rhythm = {
  /** While messages keep coming. */
  hotMs: 8,
  /** For so long after the last message. */
  hotForMs: 1_000,
  /** Then a little longer each time, up to… */
  factor: 1.6,
  /** …this, before the lane sleeps. */
  beforeSleepMs: 100,
  /** …this, where nobody wakes it; or where what is visible can't be read, since somebody has locked it. */
  longestMs: 2_000,
} as const;

/**
 * When a lane looks next: often while messages come, then less often, and at last not by itself. A notification ends
 * idleness only; while there is work, polling is cheaper and loses nothing.
 */
export class Rhythm {
  #waitMs: number = rhythm.hotMs;
  #lastFoundAt = Number.NEGATIVE_INFINITY;
  #isLocked = false;

  found(): void {
    this.#lastFoundAt = performance.now();
    this.#waitMs = rhythm.hotMs;
    this.#isLocked = false;
  }

  /** Something has been announced, perhaps for another replica to take. */
  announced(): void {
    this.#waitMs = rhythm.hotMs;
    this.#isLocked = false;
  }

  /** A message is visible; where the next read does not find it, it is locked, and there is no reason to hurry. */
  saw(): void {
    this.#isLocked = true;
  }

  /** How long to wait after a read that found nothing; undefined when it is time to sleep until woken. */
  nextWaitMs(): number | undefined {
    if (performance.now() - this.#lastFoundAt < rhythm.hotForMs) return rhythm.hotMs;
    if (this.#isLocked) {
      this.#isLocked = false;
      return this.longer();
    }
    if (this.#waitMs < rhythm.beforeSleepMs) return this.#lengthen(rhythm.beforeSleepMs);
    return undefined;
  }

  /** The next wait of a lane that nobody wakes. */
  longer(): number {
    return this.#lengthen(rhythm.longestMs);
  }

  #lengthen(longestMs: number): number {
    this.#waitMs = Math.min(longestMs, this.#waitMs * rhythm.factor);
    return this.#waitMs;
  }
}
