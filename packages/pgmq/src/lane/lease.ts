/** The messages may not be ours any more: the visibility timeout ended before the merge. */
export class StaleLeaseError extends Error {
  readonly code = "stale_lease";
  readonly lateMs: number;
  constructor(lateMs: number) {
    super(`the lease ended ${Math.round(lateMs)} ms before the merge`);
    this.name = "StaleLeaseError";
    this.lateMs = lateMs;
  }
}

/**
 * How long the messages of a read are ours, by the monotonic clock of `performance.now()`, which goes
 * on while the process is stopped. Counted from before the read was sent, so it ends before the
 * visibility timeout does.
 */
export class Lease {
  readonly #ms: number;
  readonly #extend: () => Promise<boolean>;
  #endsAt: number;
  #timer: NodeJS.Timeout | undefined;
  #extending: Promise<void> | undefined;
  #ended = false;

  /**
   * @param claimedAt when the read was sent.
   * @param ms the visibility timeout.
   * @param extend asks for the same again; whether every message is still ours. Rejects when it can't be asked.
   */
  constructor(claimedAt: number, ms: number, extend: () => Promise<boolean>) {
    this.#ms = ms;
    this.#extend = extend;
    this.#endsAt = claimedAt + ms;
    this.#extendIn(this.#endsAt - performance.now() - ms / 2);
  }

  get endsAt(): number {
    return this.#endsAt;
  }

  /** @throws {StaleLeaseError} once it has run out. */
  assertHeld(): void {
    const lateMs = performance.now() - this.#endsAt;
    if (lateMs >= 0) throw new StaleLeaseError(lateMs);
  }

  /** Gives it up: nothing may be merged any more. */
  revoke(): void {
    this.#ended = true;
    this.#endsAt = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#timer);
  }

  /** Ends the extensions; waits for one under way. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#extending;
  }

  #extendIn(ms: number): void {
    const extend = () => {
      this.#extending = this.#extendOnce();
    };
    this.#timer = setTimeout(extend, Math.max(0, ms));
  }

  async #extendOnce(): Promise<void> {
    const askedAt = performance.now();
    const held = await this.#extend().catch(() => undefined);
    if (held === true && !this.#ended) this.#endsAt = askedAt + this.#ms;
    // Messages that are not ours any more can't become ours again.
    if (this.#ended || held === false || performance.now() >= this.#endsAt) return;
    this.#extendIn(held === true ? askedAt + this.#ms / 2 - performance.now() : this.#ms / 8);
  }
}
