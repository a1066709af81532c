import { classifyFault } from "@centralcloud/postgres";
import { type LaneName, type Observe, withoutContents } from "@centralcloud/service";
import { Breaker } from "./breaker.ts";

export type Side = "source" | "central";

/** The breakers of the two databases, which lanes share. */
export type DatabaseBreakers = Readonly<Record<Side, Breaker>>;

/**
 * What lets a lane work: neither of its databases is known to be down, and the lane itself does not
 * meet a fault of its own there, such as a missing grant.
 */
export class Gate {
  readonly #databases: DatabaseBreakers;
  readonly #own: DatabaseBreakers;
  readonly #all: readonly (readonly [Side, Breaker])[];

  /** @param probeCentral rejects while the store would not take a batch of this lane. */
  constructor(
    name: LaneName,
    databases: DatabaseBreakers,
    probeCentral: () => Promise<unknown>,
    observe: Observe,
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

  /** Whether this lane meets a fault that others of the same database do not. */
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

  /** There was nothing to merge, so a probe that worked is all there is to tell that the store works. */
  foundNothing(): void {
    this.#own.central.recovered();
  }

  /**
   * Resolves when work may be tried, or the signal is aborted, or `untilMs` has come.
   *
   * @returns whether it may be tried.
   */
  async admit(signal: AbortSignal, untilMs?: number): Promise<boolean> {
    for (const [, breaker] of this.#all) {
      if (!(await breaker.admit(signal, untilMs))) return false;
    }
    // One may have opened while another was waited for.
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
