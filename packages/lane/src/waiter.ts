import type { LaneBreakers } from "./breakers.ts";
import { polling } from "./tuning.ts";

/**
 * Watches the queues of one source for lanes that have nothing to do, so that they need not ask themselves: hundreds of
 * quiet sources then cost one connection and a statement every few seconds each.
 */
export interface IdleWatch {
  /**
   * Lets the queue's lane sleep: {@link onMessage} wakes it as soon as there may be something to read.
   *
   * @returns `message` where a message is visible now, so that the lane should read at once.
   * @throws the fault of the source when it can't be asked.
   */
  sleep(queue: string): Promise<"asleep" | "message">;
  /** The lane has found messages: senders need not notify. */
  unwatch(queue: string): void;
  /** Calls `wake` when there may be something to read; returns a function that ends that. */
  onMessage(queue: string, wake: () => void): () => void;
}

export interface WaiterOptions {
  readonly queue: string;
  /** Without it, nothing wakes the lane, and polling has to find messages. */
  readonly idleWatch: IdleWatch | undefined;
  readonly breakers: LaneBreakers;
  readonly stopping: AbortSignal;
}

/**
 * Waits after a read that found nothing: for a poll that is due, or asleep until the source watch wakes the lane.
 */
export class Waiter {
  readonly #options: WaiterOptions;
  readonly #schedule = new PollSchedule();
  readonly #sleep = new Sleep();
  #foundNothing = false;
  /** Whether it was woken since the last read began. */
  #woken = false;
  /** Whether senders may have been asked to notify since the last message. */
  #isWatched = false;
  #isAsleep = false;
  #unsubscribe = () => {};

  constructor(options: WaiterOptions) {
    this.#options = options;
  }

  start(): void {
    const { idleWatch, queue } = this.#options;
    this.#unsubscribe = idleWatch?.onMessage(queue, () => this.wake()) ?? this.#unsubscribe;
  }

  stop(): void {
    this.#unsubscribe();
    this.#sleep.end();
  }

  /** Whether the last read, or the last answer of the source watch, found nothing. */
  get foundNothing(): boolean {
    return this.#foundNothing;
  }

  /** Ends a wait: there may be something to read, perhaps for another replica to take. */
  wake(): void {
    this.#woken = true;
    this.#schedule.announced();
    this.#sleep.end();
  }

  /** A read begins now: whatever wakes the lane from here on may have come too late for it. */
  readBegins(): void {
    this.#woken = false;
  }

  /** A read found messages. */
  found(): void {
    const { idleWatch, queue } = this.#options;
    this.#foundNothing = false;
    this.#schedule.found();
    if (this.#isWatched) idleWatch?.unwatch(queue);
    this.#isWatched = false;
  }

  /** All batches are settled; they may have released messages, which nobody announces. */
  settled(): void {
    if (this.#isAsleep) this.#sleep.end();
  }

  /** Waits after a read that found nothing. */
  async wait(): Promise<void> {
    const { idleWatch, stopping } = this.#options;
    this.#foundNothing = true;
    const polls = () => (idleWatch === undefined ? this.#schedule.longer() : undefined);
    const waitMs = this.#schedule.nextWaitMs() ?? polls();
    if (waitMs === undefined) return await this.waitForMessage();
    if (!stopping.aborted && !this.#woken) await this.#sleep.for(waitMs);
  }

  /** Sleeps until there may be something to read; returns at once where nothing watches the queue for the lane. */
  async waitForMessage(): Promise<void> {
    const { idleWatch, queue, breakers, stopping } = this.#options;
    if (idleWatch === undefined) return;
    try {
      while (!stopping.aborted) {
        this.#isWatched = true;
        const state = await idleWatch.sleep(queue);
        breakers.succeeded("source");
        if (state === "message") return this.#schedule.saw();
        this.#foundNothing = true;
        this.#isAsleep = true;
        if (!stopping.aborted && !this.#woken) await this.#sleep.for(polling.longestSleepMs);
        if (this.#woken) return;
        // The sleep ended by itself, or because all batches are settled. To ask the watch again needs no connection.
      }
    } catch (error) {
      breakers.failed("source", error);
    } finally {
      this.#isAsleep = false;
    }
  }
}

/**
 * When a lane reads next after it found nothing: often while messages keep coming, then more and more rarely, and at
 * last only when it is woken. Notifications are used only to end idleness: while there is work, polling is cheaper and
 * loses nothing.
 */
export class PollSchedule {
  #waitMs: number = polling.hotMs;
  #lastFoundAt = Number.NEGATIVE_INFINITY;
  #isLocked = false;

  /** A read found messages. */
  found(): void {
    this.#lastFoundAt = performance.now();
    this.#waitMs = polling.hotMs;
    this.#isLocked = false;
  }

  /** A message has been announced, perhaps for another replica to take. */
  announced(): void {
    this.#waitMs = polling.hotMs;
    this.#isLocked = false;
  }

  /** A message is visible. If the next read does not find it, another transaction has locked it: no reason to hurry. */
  saw(): void {
    this.#isLocked = true;
  }

  /** Milliseconds to wait after a read that found nothing; undefined when the lane should sleep until it is woken. */
  nextWaitMs(): number | undefined {
    if (performance.now() - this.#lastFoundAt < polling.hotForMs) return polling.hotMs;
    if (this.#isLocked) {
      this.#isLocked = false;
      return this.longer();
    }
    if (this.#waitMs < polling.beforeSleepMs) return this.#lengthen(polling.beforeSleepMs);
    return undefined;
  }

  /** The next wait, in milliseconds, of a lane that nothing wakes. */
  longer(): number {
    return this.#lengthen(polling.longestMs);
  }

  #lengthen(longestMs: number): number {
    this.#waitMs = Math.min(longestMs, this.#waitMs * polling.factor);
    return this.#waitMs;
  }
}

/** A wait that can be ended early; at most one at a time. Leaves no timer behind once it ended. */
export class Sleep {
  #end: (() => void) | undefined;

  /** @param ms milliseconds; none when negative, as the rest of a deadline may be. */
  for(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), Math.max(0, ms));
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end(): void {
    this.#end?.();
    this.#end = undefined;
  }
}
