import type { CaptureHealth } from "@centralcloud/cdc";
import { type Replica, reportReadiness } from "@centralcloud/central";
import type { Pool } from "pg";
import type { MissingReport, UncomparedReport } from "./epochs/epoch-parts.ts";
import type { RefusedState } from "./source.ts";

export interface Health {
  /**
   * This replica can do its work: it has tried every source once, the central store takes what it merges, and
   * none of its lanes waits after a crash. A source that is away does not count: it is away for every replica.
   */
  readonly ready: boolean;
  /** All of the work is done: every source is consumed and no lane meets a fault. */
  readonly working: boolean;
  /** This process in `central.consumers`. */
  readonly replica: string;
  /** What keeps the central store from working, if anything is known to. */
  readonly central?: { readonly error: string };
  /** How this process captures each source's changes; absent where it does not. */
  readonly capture?: readonly CaptureHealth[];
  /** Messages that sources archived and the central store does not have: it lost transactions. Absent where it has all. */
  readonly missing?: readonly MissingReport[];
  /** Archives that could not be compared with the store's ledger, of those that have to be. Absent while there are none. */
  readonly uncompared?: readonly UncomparedReport[];
  readonly sources: readonly {
    readonly name: string;
    readonly waitingFor?: string;
    /** How its id is another's, where that is what it waits for: an operator has to decide. */
    readonly refused?: RefusedState;
    readonly lanes: readonly {
      readonly queue: string;
      readonly fault?: { readonly side: "source" | "central"; readonly error: string };
      /** How often it crashed and continued; absent while never. */
      readonly crashes?: number;
    }[];
  }[];
}

export interface ReadinessReporter {
  /** Tells the central store what `/readyz` answers, where it has changed. Rejects where the store does not answer. */
  report(central: Pool, answerMs: number): Promise<void>;
}

/** What has not changed is told again after so long: a store that was restored has forgotten it. In milliseconds. */
const againMs = 60_000;

/** Beyond so many characters the sources without a fault are left out. */
const maxLength = 65_536;

/** @param health what `/readyz` answers now. */
export function createReadinessReporter(
  replica: Pick<Replica, "id">,
  health: () => Health,
): ReadinessReporter {
  let toldText = "";
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    async report(central, answerMs) {
      const text = shortened(health());
      const now = performance.now();
      if (text === toldText && now - toldAt < againMs) return;
      await reportReadiness(central, replica, text, answerMs);
      toldText = text;
      toldAt = now;
    },
  };
}

/** The JSON text of a replica's readiness; of many sources those with a fault, and how many others there are. */
function shortened(health: Health): string {
  const whole = JSON.stringify(health);
  if (whole.length <= maxLength) return whole;
  const faulty = health.sources.filter(
    ({ waitingFor, lanes }) =>
      waitingFor !== undefined || lanes.some(({ fault, crashes }) => fault ?? crashes),
  );
  let shown = faulty;
  const text = () =>
    JSON.stringify({
      ...health,
      sources: shown,
      sourcesLeftOut: health.sources.length - shown.length,
    });
  while (text().length > maxLength && shown.length > 0) {
    shown = shown.slice(0, Math.floor(shown.length / 2));
  }
  return text();
}
