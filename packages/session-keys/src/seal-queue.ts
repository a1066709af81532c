import { dataKeyAlgorithm } from "./algorithm.ts";
import type { CheckResult, FoundSeal } from "./check-seal.ts";

/** Threads that open seals. */
export interface SealThreads {
  readonly count: number;
  /**
   * One result for each seal, in their order. Rejects when the thread died, or when the signal is aborted, which ends
   * it: another one takes its place.
   */
  run(seals: readonly FoundSeal[], signal: AbortSignal): Promise<readonly CheckResult[]>;
}

/** A group costs one message to a thread and back (60 µs), a seal by a known data key 20 µs. */
const mostInGroup = 32;

/** A thread that takes longer for a group is ended, in milliseconds: a thousand times what honest seals take. */
export const longestGroupMs = 15_000;

interface WaitingSeal {
  readonly seal: FoundSeal;
  /** Goes to a thread by itself: it takes long, or a group that it was in has failed. */
  readonly alone: boolean;
  readonly answer: (result: CheckResult) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Seals that wait for a thread. Where they are cheap, which is where they have a data key, those that wait at the same
 * time go together. The sources take turns, so one that sends many, or slow ones, holds up its own; and a group is of one
 * source. Where a thread dies of a group, or takes too long, each seal of it is tried again by itself: only the one to
 * blame fails.
 */
export class SealQueue {
  readonly #threads: SealThreads;
  /** By source, in the order of their turns. */
  readonly #waiting = new Map<string, WaitingSeal[]>();
  #free: number;
  #isAsking = false;
  #isStopped = false;

  constructor(threads: SealThreads) {
    this.#threads = threads;
    this.#free = threads.count;
  }

  /** Rejects when it was not found out what the seal is. */
  check(seal: FoundSeal): Promise<CheckResult> {
    return new Promise((answer, fail) => {
      if (this.#isStopped) return fail(new SealQueueStoppedError());
      const alone = seal.sealed.alg !== dataKeyAlgorithm;
      this.#add(seal.identity.source, { seal, alone, answer, fail });
      // What is asked in this turn of the event loop can go together.
      if (!this.#isAsking) setImmediate(() => this.#askThreads());
      this.#isAsking = true;
    });
  }

  /** Those that wait are told that nothing was found out; those that threads have come to their own end. */
  stop(): void {
    this.#isStopped = true;
    for (const { fail } of [...this.#waiting.values()].flat()) fail(new SealQueueStoppedError());
    this.#waiting.clear();
  }

  #add(source: string, ...seals: readonly WaitingSeal[]): void {
    const waiting = this.#waiting.get(source);
    if (waiting === undefined) this.#waiting.set(source, [...seals]);
    else waiting.push(...seals);
  }

  #askThreads(): void {
    this.#isAsking = false;
    while (this.#free > 0) {
      const group = this.#take();
      if (group.length === 0) return;
      void this.#askThread(group);
    }
  }

  /** The next group; empty where nothing waits. */
  #take(): readonly WaitingSeal[] {
    const [next] = this.#waiting;
    if (next === undefined) return [];
    const [source, waiting] = next;
    const alone = waiting.findIndex((seal) => seal.alone);
    const together = Math.max(1, alone === -1 ? waiting.length : alone);
    const group = waiting.splice(0, Math.min(mostInGroup, together));
    this.#waiting.delete(source);
    if (waiting.length > 0) this.#waiting.set(source, waiting);
    return group;
  }

  async #askThread(group: readonly WaitingSeal[]): Promise<void> {
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(), longestGroupMs);
    this.#free -= 1;
    try {
      const seals = group.map(({ seal }) => seal);
      const results = await this.#threads.run(seals, overdue.signal);
      for (const [place, { answer }] of group.entries()) answer(results[place]);
    } catch (error) {
      const [first] = group;
      if (group.length > 1 && first !== undefined && !this.#isStopped) {
        const again = group.map((one) => ({ ...one, alone: true }));
        this.#add(first.seal.identity.source, ...again);
        return;
      }
      const reason = overdue.signal.aborted
        ? new Error(`its seal was not opened within ${longestGroupMs / 1_000} seconds`)
        : error;
      for (const { fail } of group) fail(reason);
    } finally {
      clearTimeout(timer);
      this.#free += 1;
      this.#askThreads();
    }
  }
}

class SealQueueStoppedError extends Error {
  constructor() {
    super("the seal checker was stopped");
    this.name = "SealQueueStoppedError";
  }
}
