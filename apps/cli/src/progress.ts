import { endStatementsWithProcess } from "@centralcloud/postgres";
import { withInterrupt } from "@centralcloud/service";
import { canShowStatus, printError, setStatus } from "./output.ts";

/** How far a command is. */
export interface Progress {
  readonly done: number;
  /** Undefined where nobody knows. */
  readonly total?: number | undefined;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** What Ctrl-C does from now on, and how to continue; or what is waited for. */
  readonly hint?: string;
  /** Whether each takes its own time, so that a rate says nothing of the rest; default: false. */
  readonly isUneven?: boolean;
}

/** What a command does while it runs, for whoever waits for it. */
export interface Activity {
  /** The command, such as `dlq replay`. */
  readonly name: string;
  /** What an interruption leaves behind, and how to continue. */
  readonly interrupted: string;
}

/** Commands that are over sooner say nothing, in milliseconds. */
const quietMs = 1_000;
const redrawMs = 200;

/** The rate is that of the last so many milliseconds: what was paused or slow before says nothing of what is left. */
const windowMs = 10_000;

/** Counts, and tells rate and remaining time. Times are milliseconds of one clock. */
export class ProgressMeter {
  readonly #name: string;
  readonly #startedAt: number;
  #progress: Progress | undefined;
  #samples: { readonly at: number; readonly done: number }[] = [];

  constructor(name: string, startedAt: number) {
    this.#name = name;
    this.#startedAt = startedAt;
  }

  report(progress: Progress, at: number): void {
    const before = this.#progress;
    if (before?.unit !== progress.unit || progress.done < before.done) this.#samples = [];
    this.#progress = progress;
    this.#samples.push({ at, done: progress.done });
    // The last one before the window stays: the rate is counted from there.
    while ((this.#samples[1]?.at ?? at) <= at - windowMs) this.#samples.shift();
  }

  /** One line; the hint comes last, since what does not fit is cut there. */
  describe(now: number): string {
    const elapsed = formatSeconds((now - this.#startedAt) / 1_000);
    const progress = this.#progress;
    if (progress === undefined) return `${this.#name}: ${elapsed}`;
    const { done, total, unit, hint, isUneven = false } = progress;
    const rate = isUneven ? 0 : this.#rate(now);
    const known = total !== undefined && total >= done;
    const parts = [
      known ? `${count(done)} of ${count(total)} ${unit}` : `${count(done)} ${unit}`,
      ...(known && total > 0 ? [`${Math.floor((100 * done) / total)}%`] : []),
      ...(rate > 0 ? [`${formatRate(rate)}/s`] : []),
      ...(known && rate > 0 && total > done
        ? [`${formatSeconds((total - done) / rate)} left`]
        : []),
      `${elapsed} so far`,
    ];
    return `${this.#name}: ${parts.join(", ")}${hint === undefined ? "" : ` (${hint})`}`;
  }

  /** A second. */
  #rate(now: number): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return 0;
    const seconds = (now - first.at) / 1_000;
    return seconds <= 0 ? 0 : (last.done - first.done) / seconds;
  }
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function formatRate(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : count(Math.round(rate));
}

/** As `46 s`, `3 min 20 s` or `2 h 5 min`. */
export function formatSeconds(exact: number): string {
  const seconds = Math.ceil(exact);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/** Of the command that is shown; the process runs one at a time, except in tests, which have no terminal. */
let meter: ProgressMeter | undefined;
let isHeld = false;

/** Says how far the command is; shown where standard error is a terminal and the command takes longer than a second. */
export function reportProgress(progress: Progress): void {
  meter?.report(progress, performance.now());
}

/** Counts who has answered, and names who has not yet. @returns to be called with each that has. */
export function countAnswers(names: readonly string[], unit: string): (name: string) => void {
  const waiting = [...names];
  const tell = () => {
    if (names.length < 2) return;
    const hint = waiting.length === 0 ? {} : { hint: `waiting for ${waiting.join(", ")}` };
    const done = names.length - waiting.length;
    reportProgress({ done, total: names.length, unit, isUneven: true, ...hint });
  };
  tell();
  return (name) => {
    waiting.splice(waiting.indexOf(name), 1);
    tell();
  };
}

/** Counts what is done of so many things. */
export function countSteps(total: number, unit: string): () => void {
  let done = 0;
  if (total > 1) reportProgress({ done, total, unit });
  return () => {
    done += 1;
    if (total > 1) reportProgress({ done, total, unit });
  };
}

/** The exit code of what Ctrl-C has ended before it was done: as a shell calls it, 128 and the signal's number. */
const interruptedCode = 130;

const activities = new Set<Activity>();
/** Pieces of work that end in order by themselves when they are interrupted. */
let orderly = 0;

/**
 * Lets whoever waits for a command see that it is at work, and how far; and says, when Ctrl-C ends it, what that leaves
 * behind and how to continue.
 *
 * @returns the end of it.
 */
export function beginActivity(activity: Activity): () => void {
  if (activities.size === 0) process.on("SIGINT", endInterrupted);
  activities.add(activity);
  const finishStatements = endStatementsWithProcess();
  const startedAt = performance.now();
  const timer = canShowStatus() ? setInterval(show, redrawMs).unref() : undefined;
  const own = timer === undefined ? undefined : new ProgressMeter(activity.name, startedAt);
  meter = own;
  function show() {
    const now = performance.now();
    if (own !== undefined && !isHeld && now - startedAt > quietMs) setStatus(own.describe(now));
  }
  return () => {
    if (!activities.has(activity)) return;
    clearInterval(timer);
    setStatus("");
    if (meter === own) meter = undefined;
    activities.delete(activity);
    finishStatements();
    if (activities.size === 0) process.off("SIGINT", endInterrupted);
  };
}

function endInterrupted(): void {
  if (orderly > 0) return;
  setStatus("");
  for (const { interrupted } of activities) {
    printError(`centralcloud: interrupted; ${interrupted}`);
  }
  process.exit(interruptedCode);
}

/**
 * Gives work a signal that Ctrl-C aborts, so that it ends in order; a second Ctrl-C ends the process at once.
 *
 * @param quiet for work that has no end of its own: there is no progress, and nothing is said when it ends.
 */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  { longestMs, quiet = false }: { readonly longestMs?: number; readonly quiet?: boolean } = {},
): Promise<Result> {
  orderly += 1;
  if (quiet) isHeld = true;
  try {
    return await withInterrupt(async (signal) => {
      const tell = () => {
        if (quiet || !canShowStatus()) return;
        printError("centralcloud: stopping in order; Ctrl-C once more ends it at once");
      };
      signal.addEventListener("abort", tell, { once: true });
      return await work(signal);
    }, longestMs);
  } finally {
    if (quiet) isHeld = false;
    orderly -= 1;
  }
}

/** Leaves the terminal to another program, and Ctrl-C with it. */
export async function withTerminal<Result>(work: () => Promise<Result>): Promise<Result> {
  orderly += 1;
  isHeld = true;
  setStatus("");
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    return await work();
  } finally {
    process.off("SIGINT", ignore);
    isHeld = false;
    orderly -= 1;
  }
}
