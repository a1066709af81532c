import type { PgmqClient } from "../client/pgmq-client.ts";
import type { IdleWatch } from "./idle-watch.ts";

/** How long to wait after a read that found nothing, in milliseconds. */
const rhythm = {
  /** While messages keep coming. */
  hotMs: 8,
  /** For so long after the last message. */
  hotForMs: 1_000,
  /** Then a little longer each time, up to… */
  factor: 1.6,
  /** …this, before senders are asked to notify. */
  beforeWatchMs: 100,
  /** …this, where a notification ends it: at most three statements each time. */
  watchedMs: 6_000,
  /** …this, where only polling finds the next message. */
  unwatchedMs: 2_000,
  /** …this, while a sender that was asked too late to notify may still commit. */
  sendersBusyMs: 500,
} as const;

/**
 * When a lane looks next: often while messages come, seldom when none do, and exactly when one becomes
 * visible that was delayed. A notification ends idleness only; while there is work, polling is cheaper
 * and loses nothing.
 */
export class Rhythm {
  readonly #queue: string;
  readonly #source: PgmqClient;
  readonly #idleWatch: IdleWatch | undefined;
  #waitMs: number = rhythm.hotMs;
  #lastFoundAt = Number.NEGATIVE_INFINITY;
  #watched = false;

  constructor(queue: string, source: PgmqClient, idleWatch: IdleWatch | undefined) {
    this.#queue = queue;
    this.#source = source;
    this.#idleWatch = idleWatch;
  }

  found(): void {
    this.#lastFoundAt = performance.now();
    this.#waitMs = rhythm.hotMs;
    if (!this.#watched) return;
    this.#watched = false;
    this.#idleWatch?.unwatch(this.#queue);
  }

  /** Something has been announced, perhaps for another replica to take. */
  announced(): void {
    this.#waitMs = rhythm.hotMs;
  }

  /**
   * How long to wait now, after a read that found nothing; 0 to look again at once.
   *
   * @throws what the source says when it can't be asked.
   */
  async nextWaitMs(): Promise<number> {
    if (performance.now() - this.#lastFoundAt < rhythm.hotForMs) return rhythm.hotMs;
    if (this.#waitMs < rhythm.beforeWatchMs) return this.#lengthen(rhythm.beforeWatchMs);
    const watch = await this.#idleWatch?.watch(this.#queue);
    if (watch === "senders-busy") return this.#lengthen(rhythm.sendersBusyMs);
    const isWatched = watch === "begun" || watch === "watching";
    const isNew = watch === "begun" || (isWatched && !this.#watched);
    this.#watched = isWatched;
    // What was sent before the watch began was not told; nor what was sent when it passed to us from another replica.
    if (isNew) return 0;
    if (!this.#watched) return this.#lengthen(rhythm.unwatchedMs);
    const waitMs = this.#lengthen(rhythm.watchedMs);
    const delayed = await this.#source.nextVisibleInMs(this.#queue);
    // One that is visible and was not read is locked by somebody: no reason to hurry.
    return delayed === null || delayed <= 0 ? waitMs : Math.min(waitMs, Math.ceil(delayed));
  }

  #lengthen(longestMs: number): number {
    this.#waitMs = Math.min(longestMs, this.#waitMs * rhythm.factor);
    return this.#waitMs;
  }
}
