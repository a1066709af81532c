import { Random } from "../chaos/load/random.ts";

/** Sources that send now and then much more than usual, each when it likes. */
export interface BurstyLoad {
  readonly seed: number;
  readonly sources: number;
  /** Of one source, bursts included, in messages a second. */
  readonly meanPerSecond: number;
  /** How many times the quiet rate a burst is. */
  readonly burstFactor: number;
  readonly burstS: number;
  /** From the end of a burst to the begin of the next, on average. */
  readonly quietS: number;
}

/**
 * What all sources together send, step by step: each is quiet or in a burst, with times that are drawn from the
 * geometric distribution, and sends by Poisson's. Follows from the seed.
 */
export function drawArrivals(load: BurstyLoad, steps: number, stepS: number): number[] {
  const { seed, sources, meanPerSecond, burstFactor, burstS, quietS } = load;
  const random = new Random("arrivals", seed);
  const burstShare = burstS / (burstS + quietS);
  const quietPerSecond = meanPerSecond / (1 - burstShare + burstShare * burstFactor);
  let bursting = drawBinomial(random, sources, burstShare);
  const arrivals: number[] = [];
  for (let step = 0; step < steps; step++) {
    const ending = drawBinomial(random, bursting, Math.min(1, stepS / burstS));
    const beginning = drawBinomial(random, sources - bursting, Math.min(1, stepS / quietS));
    bursting += beginning - ending;
    const rate = quietPerSecond * (sources - bursting + burstFactor * bursting);
    arrivals.push(drawPoisson(random, rate * stepS));
  }
  return arrivals;
}

/** By the normal distribution where there are many, else by as many draws as it takes (Knuth). */
function drawPoisson(random: Random, mean: number): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * drawNormal(random)));
  const limit = Math.exp(-mean);
  let count = -1;
  for (let product = 1; product > limit; count++) product *= random.fraction();
  return Math.max(0, count);
}

function drawBinomial(random: Random, trials: number, probability: number): number {
  const mean = trials * probability;
  const variance = mean * (1 - probability);
  if (variance > 50) {
    const drawn = Math.round(mean + Math.sqrt(variance) * drawNormal(random));
    return Math.max(0, Math.min(trials, drawn));
  }
  let count = 0;
  for (let trial = 0; trial < trials; trial++) if (random.chance(probability)) count += 1;
  return count;
}

/** Box and Muller's transform. */
function drawNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.fraction()));
  return radius * Math.cos(2 * Math.PI * random.fraction());
}
