/** What one run measured; what could not be measured is missing. */
export type Figures = Readonly<Record<string, number>>;

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const lowest = sorted[0];
  const highest = sorted.at(-1);
  if (lowest === undefined || highest === undefined) return undefined;
  return { median: medianOf(sorted), lowest, highest };
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** One figure of several runs; those that have it not are left out. */
export function valuesOf(runs: readonly Figures[], figure: string): readonly number[] {
  return runs.flatMap((run) => run[figure] ?? []);
}

/**
 * One contender's figure divided by another's, round by round: whatever slowed the machine in a round
 * slowed both.
 */
export function ratiosOf(
  runs: readonly Figures[],
  others: readonly Figures[],
  figure: string,
): Spread | undefined {
  const ratios = runs.flatMap((run, round) => {
    const [own, other] = [run[figure], others[round]?.[figure]];
    return own === undefined || other === undefined ? [] : own / other;
  });
  return spreadOf(ratios);
}
