/** What arrives and what could be done, step by step. */
export interface Course {
  readonly stepS: number;
  /** Messages that arrive in each step. */
  readonly arrivals: readonly number[];
  /** Messages that could be settled in each step. */
  readonly capacity: readonly number[];
}

/** How each step ended. */
export interface Step {
  readonly served: number;
  /** What waits. */
  readonly backlog: number;
  /** How long the oldest message has been waiting, in seconds; 0 where none waits. */
  readonly lagS: number;
}

/**
 * One queue for all, first come first served, in steps: what arrives in a step can be served in it. The real
 * system reads each source's queues in turn, so a quiet source waits less than this says, and a busy one longer.
 *
 * @throws {RangeError} where the two don't have a value for each step, or one of them is negative.
 */
export function simulate({ stepS, arrivals, capacity }: Course): readonly Step[] {
  if (arrivals.length !== capacity.length) throw new RangeError("as many arrivals as capacities");
  const steps: Step[] = [];
  let backlog = 0;
  /** The step in which the oldest waiting message arrived, and how many of that step still wait. */
  let oldest = 0;
  let ofOldest = arrivals[0] ?? 0;
  for (const [now, arrived] of arrivals.entries()) {
    const able = capacity[now] ?? 0;
    if (!(arrived >= 0 && able >= 0)) throw new RangeError(`step ${now} has a negative value`);
    const served = Math.min(backlog + arrived, able);
    backlog += arrived - served;
    let toTake = served;
    while (oldest < now && toTake >= ofOldest) {
      toTake -= ofOldest;
      oldest += 1;
      ofOldest = arrivals[oldest] ?? 0;
    }
    ofOldest -= toTake;
    steps.push({ served, backlog, lagS: backlog > 0 ? (now - oldest + 1) * stepS : 0 });
  }
  return steps;
}

export interface Lag {
  readonly mostS: number;
  /** 99 of 100 steps had a smaller one. */
  readonly p99S: number;
  readonly mostBacklog: number;
  /** From `sinceS` until the queue was empty for the first time; undefined where it never was. */
  readonly clearedS: number | undefined;
}

/** @param sinceS when the disturbance ended; the time to clear is counted from there. */
export function describeLag({ stepS }: Course, steps: readonly Step[], sinceS: number): Lag {
  const lags = steps.map(({ lagS }) => lagS).sort((one, other) => one - other);
  const first = Math.round(sinceS / stepS);
  const cleared = steps.findIndex(({ backlog }, index) => index >= first && backlog === 0);
  return {
    mostS: lags.at(-1) ?? 0,
    p99S: lags[Math.min(lags.length - 1, Math.floor(0.99 * lags.length))] ?? 0,
    mostBacklog: steps.reduce((most, { backlog }) => Math.max(most, backlog), 0),
    clearedS: cleared < 0 ? undefined : (cleared - first) * stepS,
  };
}
