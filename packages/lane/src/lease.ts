import { working } from "./tuning.ts";

/** The lease ended before the merge: other readers may have the messages. */
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
 * The lease of a read: how long no other reader can have its messages, by the monotonic clock of `performance.now()`,
 * which continues while the process is suspended. It is counted from before the read was sent, so it ends before the
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
   * @param claimedAt when the read was sent, by the monotonic clock.
   * @param ms the visibility timeout, in milliseconds.
   * @param extend asks the source for as long again; resolves to whether every message is still claimed by this read,
   *   and rejects when the source can't be asked.
   */
  constructor(claimedAt: number, ms: number, extend: () => Promise<boolean>) {
    this.#ms = ms;
    this.#extend = extend;
    this.#endsAt = claimedAt + ms;
    this.#extendIn(this.#endsAt - performance.now() - ms * (1 - working.extendAfter));
  }

  get endsAt(): number {
    return this.#endsAt;
  }

  /** @throws {StaleLeaseError} once it has ended. */
  assertHeld(): void {
    const lateMs = performance.now() - this.#endsAt;
    if (lateMs >= 0) throw new StaleLeaseError(lateMs);
  }

  /** Ends it now, because the messages are released: nothing may be merged any more. */
  revoke(): void {
    this.#ended = true;
    this.#endsAt = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#timer);
  }

  /** Ends the extensions, and waits for one that is under way. */
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
    // Messages that another reader has claimed can't be claimed back.
    if (this.#ended || held === false || performance.now() >= this.#endsAt) return;
    const extendAt = askedAt + this.#ms * working.extendAfter;
    const retryMs = this.#ms * working.retryExtensionAfter;
    this.#extendIn(held === true ? extendAt - performance.now() : retryMs);
  }
}
