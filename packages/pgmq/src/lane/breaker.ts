import type { LaneName, Observe } from "@centralcloud/service";
import { classifyFault } from "../fault.ts";

export type Side = "source" | "central";

const firstRetryMs = 100;
const lastRetryMs = 5_000;

/**
 * Stops a lane from reading while one of its databases does not work: after a fault it stays open
 * for a wait that doubles with each further fault, up to five seconds, half of it random so that
 * replicas do not come back in step. The next success closes it.
 */
export class Breaker {
  readonly #name: LaneName;
  readonly #observe: Observe;
  #failures = 0;
  #openUntil = 0;
  #failedSince = 0;
  #fault: { side: Side; error: string } | undefined;

  constructor(name: LaneName, observe: Observe) {
    this.#name = name;
    this.#observe = observe;
  }

  get fault(): { readonly side: Side; readonly error: string } | undefined {
    return this.#fault;
  }

  /** How long until the next try, in milliseconds; 0 when it may be now. */
  waitMs(): number {
    return Math.max(0, this.#openUntil - performance.now());
  }

  failed(side: Side, error: unknown): void {
    const { owner, code, message } = classifyFault(error);
    if (this.#failures === 0) this.#failedSince = performance.now();
    const fullMs = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#failures);
    const retryInMs = Math.round(fullMs * (0.5 + Math.random() / 2));
    this.#failures = Math.min(this.#failures + 1, 20);
    this.#openUntil = performance.now() + retryInMs;
    this.#fault = { side, error: message };
    this.#observe({
      event: "lane-fault",
      ...this.#name,
      side,
      fault: owner,
      code,
      error: message,
      retryInMs,
    });
  }

  /** Closes it, when it was opened by the side that has now worked. */
  succeeded(side: Side): void {
    if (this.#fault?.side !== side) return;
    const downMs = performance.now() - this.#failedSince;
    this.#failures = 0;
    this.#openUntil = 0;
    this.#fault = undefined;
    this.#observe({ event: "lane-recovered", ...this.#name, side, downMs });
  }
}
