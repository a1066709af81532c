/** All that decides a run; the same plan makes the same messages and the same schedule of faults. */
export interface ChaosPlan {
  readonly seed: number;
  readonly messages: number;
  readonly sources: number;
  readonly replicas: number;
  /** Over how long messages are sent and faults begin. */
  readonly loadMs: number;
  /** How far one fault is from the next. */
  readonly faultEveryMs: { readonly least: number; readonly most: number };
  /** Only faults whose name holds this; empty for all. */
  readonly faults: string;
  /** How many of the messages are bad in another way than poison, from 0 to 1. */
  readonly badShare: number;
  /** How many messages end the process that merges them. */
  readonly poisonMessages: number;
  /** How long merging and archiving take at most beyond their own time, so that faults find more in flight. */
  readonly dawdleMs: number;
  readonly visibilityTimeoutS: number;
  readonly maxAttempts: number;
  readonly maxDeliveries: number;
  readonly maxMessageBytes: number;
  readonly shutdownGraceS: number;
  /** How long the central database is down in the scenario `outage`. */
  readonly outageMs: number;
  /** How long nothing may leave the queues after the last fault before the run is given up. */
  readonly noProgressMs: number;
}

export interface PlanChoices {
  readonly seed: number;
  readonly minutes: number;
  readonly messages?: number | undefined;
  readonly sources?: number | undefined;
  readonly replicas?: number | undefined;
  readonly poisonMessages?: number | undefined;
  readonly faults?: string | undefined;
}

const messagesPerMinute = 20_000;

/** What a developer runs: as long as asked for, by default at the rate of 200,000 messages in ten minutes. */
export function longPlan(choices: PlanChoices): ChaosPlan {
  const { seed, minutes } = choices;
  return {
    seed,
    messages: choices.messages ?? Math.round(minutes * messagesPerMinute),
    sources: choices.sources ?? 2,
    replicas: choices.replicas ?? 4,
    loadMs: minutes * 60_000,
    faultEveryMs: { least: 2_000, most: 5_000 },
    faults: choices.faults ?? "",
    badShare: 0.015,
    // Each needs some twenty seconds and up to nine processes.
    poisonMessages: choices.poisonMessages ?? Math.max(1, Math.min(8, Math.floor(minutes))),
    dawdleMs: 500,
    visibilityTimeoutS: 3,
    maxAttempts: 3,
    maxDeliveries: 8,
    maxMessageBytes: 16_384,
    shutdownGraceS: 5,
    outageMs: 60_000,
    noProgressMs: 180_000,
  };
}

/** What every run of the tests does: some twenty seconds, few messages, a fault every second. */
export function shortPlan(seed: number): ChaosPlan {
  return {
    ...longPlan({ seed, minutes: 0.16, messages: 4_000, sources: 1, replicas: 2 }),
    faultEveryMs: { least: 600, most: 1_100 },
    visibilityTimeoutS: 2,
    maxDeliveries: 6,
    outageMs: 6_000,
    noProgressMs: 60_000,
  };
}
