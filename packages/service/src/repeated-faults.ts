import type { EventKind, Events, ObservedEvent } from "./observation.ts";

/** Until a fault that continues is told again, in milliseconds: twice as long each time, up to the last. */
const firstMs = 60_000;
const lastMs = 3_600_000;

/** What comes at even intervals may come a little early. */
const early = 0.95;

/** What has worked for so long, or whose last fault is so long ago, fails for the first time again. */
const forgetMs = { sinceRecovery: 300_000, sinceFault: lastMs };

/** Of one thing that does not work; a reason beyond these counts as the last one. */
const mostReasons = 10;

/** Characters of a name or reason that tell it from others: whoever writes them may write as many as he likes. */
const toldApartBy = 200;

/**
 * Of one source, or database, so many things fail at the same time, each by itself; more of them count as one. A source
 * may name its jobs as it likes.
 */
const mostThings = 100;

/** How often what is forgotten is looked for, in milliseconds. */
const sweepMs = 60_000;

interface Schedule {
  nextAt: number;
  intervalMs: number;
  /** How often it came since it was told last. */
  repeated: number;
}

interface Episode {
  /** The event, and whose it is. */
  readonly group: string;
  readonly reasons: Map<string, Schedule>;
  /** Whether the last that was told of it is that it fails. */
  isTold: boolean;
  /** When it began to fail, after it had worked. */
  failingSince: number;
  /** Undefined while it fails. */
  worksSince: number | undefined;
  lastFaultAt: number;
}

/** What a line has beside its fields; undefined where there is to be no line. */
export type Admission = { readonly repeated?: number } | undefined;

/**
 * Thins out the faults of something that continues failing: the first is told at once, and so is each new reason; what
 * repeats is told after one, two, four … minutes, up to an hour, with how often it came in between. That it works again
 * is told whenever it was told that it does not. So what was told last is how things are, within a minute.
 */
export class RepeatedFaults<One extends ObservedEvent> {
  readonly #episodes = new Map<string, Episode>();
  /** How many of them are about one source, by event. */
  readonly #ofSource = new Map<string, number>();
  #sweptAt: number;
  readonly #kinds: Readonly<Record<string, EventKind | undefined>>;
  readonly #now: () => number;

  /**
   * @param events those that may come: which are faults, and which say the end of one.
   * @param now the monotonic clock, in milliseconds.
   */
  constructor(events: Events<One>, now = () => performance.now()) {
    this.#kinds = events as unknown as Readonly<Record<string, EventKind | undefined>>;
    this.#now = now;
    this.#sweptAt = now();
  }

  admit(observation: One): Admission {
    const kind = this.#kinds[observation.event];
    const fault = kind?.fault;
    if (fault !== undefined) {
      const key = keyOf(observation.event, fault, observation);
      const group = keyOf(
        observation.event,
        { ...fault, about: fault.about.slice(0, 1) },
        observation,
      );
      return this.#failed(group, key, textOf(fault.reason, observation));
    }
    const ended = kind?.ends ?? [];
    // What a job was skipped for tells nothing of whether it works.
    if ("status" in observation && observation.status === "skipped") return {};
    const admissions = ended.map((event) =>
      this.#recovered(keyOf(event, this.#kinds[event]?.fault, observation)),
    );
    const told = admissions.filter((admission) => admission !== undefined);
    if (ended.length > 0 && told.length === 0) return undefined;
    const repeated = told.reduce((sum, admission) => sum + (admission.repeated ?? 0), 0);
    return repeated === 0 ? {} : { repeated };
  }

  /** @param group whose it is. */
  #failed(group: string, key: string, reason: string): Admission {
    const now = this.#now();
    const isOneTooMany = !this.#episodes.has(key) && (this.#ofSource.get(group) ?? 0) >= mostThings;
    const episode = this.#episodeOf(group, isOneTooMany ? `${group} and more` : key, now);
    if (episode.worksSince !== undefined) episode.failingSince = now;
    episode.worksSince = undefined;
    episode.lastFaultAt = now;
    const known = episode.reasons.get(reason) ?? lastOf(episode.reasons);
    const schedule = known ?? { nextAt: now, intervalMs: firstMs, repeated: 0 };
    if (known === undefined) episode.reasons.set(reason, schedule);
    const isOverdue = !episode.isTold && now - episode.failingSince >= firstMs;
    if (now < schedule.nextAt && !isOverdue) {
      schedule.repeated += 1;
      return undefined;
    }
    const { repeated } = schedule;
    schedule.repeated = 0;
    schedule.nextAt = now + schedule.intervalMs * early;
    schedule.intervalMs = Math.min(lastMs, schedule.intervalMs * 2);
    episode.isTold = true;
    return repeated === 0 ? {} : { repeated };
  }

  #recovered(key: string): Admission {
    const episode = this.#episodes.get(key);
    if (episode === undefined || episode.worksSince !== undefined) return {};
    episode.worksSince = this.#now();
    if (!episode.isTold) return undefined;
    episode.isTold = false;
    let repeated = 0;
    for (const schedule of episode.reasons.values()) {
      repeated += schedule.repeated;
      schedule.repeated = 0;
    }
    return repeated === 0 ? {} : { repeated };
  }

  #episodeOf(group: string, key: string, now: number): Episode {
    const known = this.#episodes.get(key);
    if (known !== undefined && !isForgotten(known, now)) return known;
    if (known === undefined) this.#ofSource.set(group, (this.#ofSource.get(group) ?? 0) + 1);
    this.#sweep(now);
    const fresh: Episode = {
      group,
      reasons: new Map(),
      isTold: false,
      failingSince: now,
      worksSince: undefined,
      lastFaultAt: now,
    };
    this.#episodes.set(key, fresh);
    return fresh;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < sweepMs) return;
    this.#sweptAt = now;
    for (const [key, episode] of this.#episodes) {
      if (!isForgotten(episode, now)) continue;
      this.#episodes.delete(key);
      const left = (this.#ofSource.get(episode.group) ?? 1) - 1;
      if (left === 0) this.#ofSource.delete(episode.group);
      else this.#ofSource.set(episode.group, left);
    }
  }
}

function isForgotten({ worksSince, lastFaultAt }: Episode, now: number): boolean {
  if (worksSince !== undefined && now - worksSince >= forgetMs.sinceRecovery) return true;
  return now - lastFaultAt >= forgetMs.sinceFault;
}

function lastOf(reasons: ReadonlyMap<string, Schedule>): Schedule | undefined {
  return reasons.size < mostReasons ? undefined : [...reasons.values()].at(-1);
}

function keyOf(event: string, fault: EventKind["fault"], observation: ObservedEvent): string {
  return `${event} ${textOf(fault?.about ?? [], observation)}`;
}

/** Sources and databases are told apart by their ids, where those are known: two may have one name. */
function textOf(fields: readonly string[], observation: ObservedEvent): string {
  const values = observation as unknown as Readonly<Record<string, unknown>>;
  return JSON.stringify(
    fields.map((field) => {
      const isWhose = field === "source" || field === "database";
      const value = isWhose ? (values.sourceId ?? values[field]) : values[field];
      return typeof value === "string" ? value.slice(0, toldApartBy) : value;
    }),
  );
}
