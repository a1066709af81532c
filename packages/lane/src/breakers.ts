import { classifyFault, type Fault, type Side } from "@centralcloud/postgres";
import { type Observe, pause, withoutContents } from "@centralcloud/service";
import type { LaneName, LaneObservation } from "./observation.ts";
import { breaking } from "./tuning.ts";

/** The breakers of the two databases, which lanes share. */
export type DatabaseBreakers = Readonly<Record<Side, Breaker>>;

export interface BreakerOptions {
  /** Rejects while the fault lasts. Undefined where only the next real use can tell. */
  readonly probe?: () => Promise<unknown>;
  /** Whether a probe that works closes the breaker; default false: the next success of real work does. */
  readonly probeCloses?: boolean;
  /** Called for each failure that opens it or keeps it open. */
  readonly onFailure: (fault: Fault, retryInMs: number) => void;
  /** Called when it closes after it had been open for `downMs`. */
  readonly onRecovery: (downMs: number) => void;
}

/**
 * Stops work on a database that does not work, or on one lane's access to it.
 *
 * A failure opens the breaker for a wait that doubles with each further failure, up to two seconds, or up to a minute
 * where each attempt is costly; half of the wait is random, so that replicas do not retry in step. Then one probe, where
 * there is one, is made for all callers that wait. If it works, work is let through, and the next success closes the
 * breaker.
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

  /** The fault that opened it, until a success. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  get isOpen(): boolean {
    return this.#probeDue || performance.now() < this.#openUntil;
  }

  /** Failures of several callers in one outage count as one: while it is open, further ones are ignored. */
  failed(error: unknown): void {
    const now = performance.now();
    if (this.isOpen && this.#probing === undefined) return;
    const fault = classifyFault(error);
    const isCostly = fault.kind === "answer-too-large";
    const lastMs = isCostly ? breaking.lastCostlyRetryMs : breaking.lastRetryMs;
    if (now - this.#lastFailedAt > breaking.forgetMs + (isCostly ? lastMs : 0)) this.#failures = 0;
    const fullMs = Math.min(lastMs, breaking.firstRetryMs * 2 ** this.#failures);
    const retryInMs = Math.round(fullMs * (0.5 + Math.random() / 2));
    if (this.#fault === undefined) this.#failedSince = now;
    this.#fault = fault;
    this.#failures = Math.min(this.#failures + 1, 20);
    this.#lastFailedAt = now;
    this.#openUntil = now + retryInMs;
    this.#probeDue = this.#options.probe !== undefined;
    this.#options.onFailure(this.#fault, retryInMs);
  }

  /** Real work succeeded. */
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

  /** One probe for all callers that wait. */
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
      // A failure during the probe needs another probe.
      if (this.#lastFailedAt !== failedAt) return;
      this.#probeDue = false;
      if (this.#options.probeCloses) this.recovered();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Closes it after a probe that worked, where no real work will tell; keeps the count of failures for a while. */
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

/**
 * Lets a lane work only while neither of its databases is known to be down and the lane itself has no fault of its own
 * there, such as a missing grant. A fault of the database opens the breaker that all its lanes share; any other fault
 * opens the lane's own breaker.
 */
export class LaneBreakers {
  readonly #databases: DatabaseBreakers;
  readonly #own: DatabaseBreakers;
  readonly #all: readonly (readonly [Side, Breaker])[];

  /** @param probeCentral rejects while the store would not take a batch of this lane. */
  constructor(
    name: LaneName,
    databases: DatabaseBreakers,
    probeCentral: () => Promise<unknown>,
    observe: Observe<LaneObservation>,
  ) {
    this.#databases = databases;
    const own = (side: Side, probe?: () => Promise<unknown>) =>
      new Breaker({
        ...(probe === undefined ? {} : { probe }),
        onFailure: ({ kind, code, message }, retryInMs) =>
          observe({ event: "lane-fault", ...name, side, kind, code, error: message, retryInMs }),
        onRecovery: (downMs) => observe({ event: "lane-recovered", ...name, side, downMs }),
      });
    this.#own = { source: own("source"), central: own("central", probeCentral) };
    this.#all = [
      ["source", databases.source],
      ["central", databases.central],
      ["source", this.#own.source],
      ["central", this.#own.central],
    ];
  }

  get isOpen(): boolean {
    return this.#all.some(([, breaker]) => breaker.isOpen);
  }

  get fault(): { readonly side: Side; readonly error: string } | undefined {
    for (const [side, { fault }] of this.#all) {
      if (fault !== undefined) return { side, error: withoutContents(fault.message, fault.code) };
    }
    return undefined;
  }

  /** Whether this lane has a fault that other lanes of the same database do not have. */
  isFaulty(side: Side): boolean {
    return this.#own[side].fault !== undefined;
  }

  failed(side: Side, error: unknown): void {
    const { scope } = classifyFault(error);
    (scope === "database" ? this.#databases : this.#own)[side].failed(error);
  }

  succeeded(side: Side): void {
    this.#databases[side].succeeded();
    this.#own[side].succeeded();
  }

  /** A read found nothing, so nothing will be merged now: a probe that worked is enough to close the central breaker. */
  foundNothing(): void {
    this.#own.central.recovered();
  }

  /**
   * Resolves when work may be tried, or the signal is aborted, or `untilMs` of the monotonic clock has come.
   *
   * @returns whether work may be tried.
   */
  async admit(signal: AbortSignal, untilMs?: number): Promise<boolean> {
    for (const [, breaker] of this.#all) {
      if (!(await breaker.admit(signal, untilMs))) return false;
    }
    // One may have opened while another one was waited for.
    return this.isOpen ? await this.admit(signal, untilMs) : true;
  }

  /** The same for work at the source alone. */
  async admitSource(signal: AbortSignal, untilMs: number): Promise<boolean> {
    return (
      (await this.#databases.source.admit(signal, untilMs)) &&
      (await this.#own.source.admit(signal, untilMs))
    );
  }
}
