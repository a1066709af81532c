import { type BurstyLoad, drawArrivals } from "./arrivals.ts";
import { describeLag, type Lag, type Step, simulate } from "./simulate.ts";

/** Capacity against the mean load of the busiest hour. */
export const headrooms = [1.1, 1.5, 3] as const;

export interface Scenario {
  readonly name: string;
  readonly lags: readonly { readonly headroom: number; readonly lag: Lag }[];
}

export const ownBursts = "each source has bursts of its own";

const stepS = 1;
const hour = 3_600;
/** When something happens, in seconds. */
const eventS = 600;

interface Story {
  readonly name: string;
  readonly hours: number;
  /** Of the load, and of the capacity, at a second; 1 is as usual. */
  readonly load?: (second: number) => number;
  readonly able?: (second: number) => number;
  /** When it is over. */
  readonly endsS: number;
}

const during = (lengthS: number, factor: number) => (second: number) =>
  second >= eventS && second < eventS + lengthS ? factor : 1;

const stories: readonly Story[] = [
  { name: ownBursts, hours: 4, endsS: 0 },
  {
    name: "all send 5 × as much for 5 minutes",
    hours: 12,
    load: during(300, 5),
    endsS: eventS + 300,
  },
  {
    name: "the central database is away for a minute",
    hours: 4,
    able: during(60, 0),
    endsS: eventS + 60,
  },
  { name: "it is away for an hour", hours: 14, able: during(hour, 0), endsS: eventS + hour },
];

/** The bursts of single sources: 20 times their quiet rate for a minute, once an hour. */
function loadOf(sources: number, meanPerSecond: number): BurstyLoad {
  return { seed: 1, sources, meanPerSecond, burstFactor: 20, burstS: 60, quietS: hour - 60 };
}

/** @param meanPerSecond of one source in the busiest hour. */
export function playScenarios(sources: number, meanPerSecond: number): readonly Scenario[] {
  return stories.map((story) => {
    const runs = play(story, sources, meanPerSecond);
    return { name: story.name, lags: runs.map(({ headroom, lag }) => ({ headroom, lag })) };
  });
}

/** How the lag goes when all send at once, for the picture. */
export function playTogether(sources: number, meanPerSecond: number) {
  const story = stories[1];
  if (story === undefined) throw new Error("there is no such story");
  return { eventS, runs: play({ ...story, hours: 1.5 }, sources, meanPerSecond) };
}

interface Run {
  readonly headroom: number;
  readonly lag: Lag;
  readonly steps: readonly Step[];
}

function play(story: Story, sources: number, meanPerSecond: number): readonly Run[] {
  const { hours, load = () => 1, able = () => 1, endsS } = story;
  const drawn = drawArrivals(loadOf(sources, meanPerSecond), (hours * hour) / stepS, stepS);
  const arrivals = drawn.map((count, step) => Math.round(count * load(step * stepS)));
  const total = sources * meanPerSecond;
  return headrooms.map((headroom) => {
    const capacity = arrivals.map((_, step) => headroom * total * stepS * able(step * stepS));
    const course = { stepS, arrivals, capacity };
    const steps = simulate(course);
    return { headroom, steps, lag: describeLag(course, steps, endsS) };
  });
}
