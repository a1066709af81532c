import { classifyFault, type Fault } from "@centralcloud/postgres";
import { pause } from "@centralcloud/service";

const firstRetryMs = 100;
const lastRetryMs = 2_000;
/** For a fault that costs us each time as much as we grant an answer. */
const lastCostlyRetryMs = 60_000;

/** After this long without a failure, the next one counts as the first. */
const forgetMs = 30_000;

export interface BreakerOptions {
  /** Rejects while what failed still does not work. None where the next real use is the only test. */
  readonly probe?: () => Promise<unknown>;
  /** Whether a probe that works says all there is to say, and closes it; default false. */
  readonly probeCloses?: boolean;
  /** Called for each failure that opens it or keeps it open. */
  readonly onFailure: (fault: Fault, retryInMs: number) => void;
  /** Called when it closes after it had been open for `downMs`. */
  readonly onRecovery: (downMs: number) => void;
}

/**
 * Keeps work away from something that does not work: a database, or one lane's way into it.
 *
 * A failure opens it for a wait that doubles with each further one, up to two seconds, or a minute where each attempt
 * costs much; half of it is random so that replicas do not come back in step. Then it is probed, where it can be, once for all
 * who wait; when that works it lets work through, and the next success closes it.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #fault: Fault | undefined;
  #failures = 0;
  #failedSince = 0;
  #lastFailedAt = 0;
  #openUntil = 0;
  #probing: Promise<void> | undefined;
  /** Whether a probe is due before work is let through. */
  #probeDue = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** What keeps it from working, until a success. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  get isOpen(): boolean {
    return this.#probeDue || performance.now() < this.#openUntil;
  }

  /** Several failures of one outage, which many meet at once, count as one. */
  failed(error: unknown): void {
    const now = performance.now();
    if (this.isOpen && this.#probing === undefined) return;
    const fault = classifyFault(error);
    const isCostly = fault.kind === "answer-too-large";
    const lastMs = isCostly ? lastCostlyRetryMs : lastRetryMs;
    if (now - this.#lastFailedAt > forgetMs + (isCostly ? lastMs : 0)) this.#failures = 0;
    const fullMs = Math.min(lastMs, firstRetryMs * 2 ** this.#failures);
    const retryInMs = Math.round(fullMs * (0.5 + Math.random() / 2));
    if (this.#fault === undefined) this.#failedSince = now;
    this.#fault = fault;
    this.#failures = Math.min(this.#failures + 1, 20);
    this.#lastFailedAt = now;
    this.#openUntil = now + retryInMs;
    this.#probeDue = this.#options.probe !== undefined;
    this.#options.onFailure(this.#fault, retryInMs);
  }

  /** Real work was done. */
  succeeded(): void {
    if (this.#fault === undefined) return;
    this.#failures = 0;
    this.#close();
  }

  /**
   * Resolves when work may be tried: at once while closed, else after the wait and a probe that
   * works; or when the signal is aborted, or `untilMs` of the monotonic clock has come.
   *
   * @returns whether work may be tried.
   */
  async admit(signal: AbortSignal, untilMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    while (this.isOpen) {
      const now = performance.now();
      if (signal.aborted || now >= untilMs) return false;
      const waitMs = this.#openUntil - now;
      if (waitMs > 0) await pause(Math.min(waitMs, untilMs - now), signal);
      else await this.#probe();
    }
    return !signal.aborted;
  }

  /** One probe for all who wait. */
  #probe(): Promise<void> {
    this.#probing ??= this.#runProbe().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  async #runProbe(): Promise<void> {
    const failedAt = this.#lastFailedAt;
    try {
      await this.#options.probe?.();
      // A failure that came meanwhile asks for another probe.
      if (this.#lastFailedAt !== failedAt) return;
      this.#probeDue = false;
      if (this.#options.probeCloses) this.recovered();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Nothing but a probe tells that it works again: closes it, but remembers the failures for a while. */
  recovered(): void {
    if (this.#fault !== undefined && !this.isOpen) this.#close();
  }

  #close(): void {
    const downMs = performance.now() - this.#failedSince;
    this.#openUntil = 0;
    this.#probeDue = false;
    this.#fault = undefined;
    this.#options.onRecovery(downMs);
  }
}
