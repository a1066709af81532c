import { Random } from "../load/random.ts";
import type { PlannedFault } from "./arena.ts";

export interface ScheduleOptions {
  readonly seed: number;
  /** From when to when faults begin, in milliseconds after the start of the run. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** How far one is from the next. */
  readonly everyMs: { readonly least: number; readonly most: number };
  readonly kinds: readonly string[];
}

/**
 * Which faults happen when: dealt from a shuffled deck of all kinds, and from a new one when it is used
 * up, so that each kind comes equally often and a short run has as many kinds as it has faults.
 */
export function scheduleFaults(options: ScheduleOptions): PlannedFault[] {
  const { seed, fromMs, untilMs, everyMs, kinds } = options;
  const random = new Random("faults", seed);
  const faults: PlannedFault[] = [];
  let deck: string[] = [];
  for (let atMs = fromMs; atMs < untilMs; atMs += random.integer(everyMs.least, everyMs.most)) {
    if (deck.length === 0) deck = random.shuffle(kinds);
    const kind = deck.pop();
    if (kind === undefined) break;
    const number = faults.length;
    faults.push({
      kind,
      atMs,
      length: random.fraction(),
      random: () => new Random("fault", seed, number),
    });
  }
  return faults;
}
