import { pause } from "@centralcloud/service";
import type { ClaimedMessage, ReadTurn, TurnedAway } from "../client/message.ts";

/** Readers of one queue at the same time, in all replicas together. */
const maxReaders = 2;

/**
 * While others claim so much, a replica that has not read for `readingMs` rests: they do all the work there is, and
 * each more that joins them has connections, plans and code of its own to warm, and rows to wait for. Who reads
 * again sooner goes on; where all are slower than that, they give way to each other until few are left.
 */
const unlessOthers = { claimed: 250, withinMs: 250 };
const readingMs = 1_000;

/**
 * Until it is tried again after it was turned away, in milliseconds: twice as long each time, since those
 * who read go on while there is work, and asking costs the source as much as a small read. Half of it is
 * random, so that many do not come back in step.
 */
const firstWaitMs = 5;
const lastWaitMs: Readonly<Record<TurnedAway, number>> = { "many-read": 320, "others-read": 1_000 };

/**
 * About how long a lane that is turned away each time waits until it reads all the same: a reader that does not end
 * must not keep others out for ever; and the databases may have time for more of those who would rest, which then
 * stay.
 */
const patienceMs: Readonly<Record<TurnedAway, number>> = {
  "many-read": 2_000,
  "others-read": 60_000,
};

/** How long the locks of others mean nothing once none of them was a reader's. */
const disbeliefMs = 60_000;

type Answer = readonly ClaimedMessage[] | TurnedAway;

/** Lets a lane read when it is its turn among all replicas, which know nothing of each other. */
export class ReadTurns {
  #waitMs = firstWaitMs;
  /** Why it was turned away since it last read, and how long it puts up with that. */
  readonly #patientUntil = new Map<TurnedAway, number>();
  #claimedAt = Number.NEGATIVE_INFINITY;
  #isOfUse: boolean;
  /** Until then it asks nobody whether so many read. */
  #disbelievesUntil = Number.NEGATIVE_INFINITY;

  /** @param isOfUse whether it does not rest before its first batch has shown what its batches are like. */
  constructor(isOfUse = false) {
    this.#isOfUse = isOfUse;
  }

  /** Others keep it from reading. */
  get isContended(): boolean {
    return this.#patientUntil.size > 0;
  }

  /**
   * How long a batch took this process, and how long the store: where most of it is our own work, each replica is
   * of use and none rests.
   */
  learn(checkMs: number, mergeMs: number): void {
    this.#isOfUse = checkMs > mergeMs;
  }

  /**
   * @param read given when it may.
   * @param readersAreOurs asked when so many have read for so long that it reads all the same: locks that an
   *   application took would else cost the lane that wait before each read.
   * @returns undefined when it was turned away, after a short wait.
   */
  async take(
    read: (turn: ReadTurn) => Promise<Answer>,
    stopping: AbortSignal,
    readersAreOurs: () => Promise<boolean>,
  ): Promise<readonly ClaimedMessage[] | undefined> {
    const patientUntil = this.#patientUntil.get("many-read") ?? Number.POSITIVE_INFINITY;
    if (performance.now() >= patientUntil && !(await readersAreOurs())) {
      this.#disbelievesUntil = performance.now() + disbeliefMs;
    }
    const answer = await read(this.#turn());
    if (typeof answer !== "string") {
      this.#waitMs = firstWaitMs;
      this.#patientUntil.clear();
      if (answer.length > 0) this.#claimedAt = performance.now();
      return answer;
    }
    this.#turnedAway(answer);
    const waitMs = Math.min(lastWaitMs[answer], this.#waitMs);
    await pause(waitMs * (0.5 + Math.random() / 2), stopping);
    this.#waitMs = waitMs * 2;
    return undefined;
  }

  #turnedAway(why: TurnedAway): void {
    // Only many readers in a row make an end of waiting for them.
    if (why === "others-read") this.#patientUntil.delete("many-read");
    else this.#claimedAt = Number.NEGATIVE_INFINITY;
    if (this.#patientUntil.has(why)) return;
    // Not all at the same time.
    const patience = patienceMs[why] * (0.5 + Math.random());
    this.#patientUntil.set(why, performance.now() + patience);
  }

  #turn(): ReadTurn {
    const now = performance.now();
    const isPatient = (why: TurnedAway) =>
      now < (this.#patientUntil.get(why) ?? Number.POSITIVE_INFINITY);
    const mayRest = !this.#isOfUse && now - this.#claimedAt >= readingMs;
    return {
      ...(isPatient("many-read") && now >= this.#disbelievesUntil ? { maxReaders } : {}),
      ...(mayRest && isPatient("others-read")
        ? { unlessOthers: { ...unlessOthers, asksFirst: this.#patientUntil.has("others-read") } }
        : {}),
    };
  }
}
