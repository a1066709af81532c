import type { ClaimedMessage, ReaderSlotRequest, SlotRefusal } from "@centralcloud/queue";
import { pause } from "@centralcloud/service";
import { slots as tuning } from "./tuning.ts";

type Answer = readonly ClaimedMessage[] | SlotRefusal;

/**
 * Decides under which conditions a lane reads, so that few replicas read one queue at a time although no replica knows
 * of another.
 *
 * There are two conditions. A read needs one of the queue's reader slots. And if other replicas claimed at least
 * `othersClaimed` messages within the last `othersClaimedWithinMs`, a replica that has not claimed for `activeMs` skips
 * its read: another reader would only add cold caches and lock waits. Where all replicas claim more slowly than that,
 * they skip reads until few are left. After a refusal the lane waits, and after many refusals it reads without the
 * condition.
 */
export class ReaderSlots {
  #waitMs: number = tuning.firstWaitMs;
  /** The refusals since the last read, and until when each is accepted. */
  readonly #refusedUntil = new Map<SlotRefusal, number>();
  #claimedAt = Number.NEGATIVE_INFINITY;
  #checksTakeLonger: boolean;
  /** Until then it reads without a slot, because the holders of the slots are no readers. */
  #ignoresSlotsUntil = Number.NEGATIVE_INFINITY;

  /** @param isDemanding whether checking is assumed to take longer than merging until the first batch shows it. */
  constructor(isDemanding = false) {
    this.#checksTakeLonger = isDemanding;
  }

  /** Whether the last read was refused. */
  get isContended(): boolean {
    return this.#refusedUntil.size > 0;
  }

  /**
   * Learns from a batch: where checking, which is done by this process, takes longer than merging, which is done by the
   * store, each replica helps and none skips its reads.
   */
  learn(checkMs: number, mergeMs: number): void {
    this.#checksTakeLonger = checkMs > mergeMs;
  }

  /**
   * @param read reads under the given conditions.
   * @param isSlotHeldByReader asked after refusals for so long that the lane would read without a slot: advisory locks
   *   that an application took would else cost the lane this wait before each read.
   * @returns undefined after a refusal, when a short wait is over.
   */
  async request(
    read: (slot: ReaderSlotRequest) => Promise<Answer>,
    stopping: AbortSignal,
    isSlotHeldByReader: () => Promise<boolean>,
  ): Promise<readonly ClaimedMessage[] | undefined> {
    const waitsUntil = this.#refusedUntil.get("no-slot") ?? Number.POSITIVE_INFINITY;
    if (performance.now() >= waitsUntil && !(await isSlotHeldByReader())) {
      this.#ignoresSlotsUntil = performance.now() + tuning.ignoreSlotsMs;
    }
    const answer = await read(this.#conditions());
    if (typeof answer !== "string") {
      this.#waitMs = tuning.firstWaitMs;
      this.#refusedUntil.clear();
      if (answer.length > 0) this.#claimedAt = performance.now();
      return answer;
    }
    this.#refused(answer);
    const waitMs = Math.min(tuning.lastWaitMs[answer], this.#waitMs);
    await pause(waitMs * (0.5 + Math.random() / 2), stopping);
    this.#waitMs = waitMs * 2;
    return undefined;
  }

  #refused(refusal: SlotRefusal): void {
    // Only consecutive refusals of a slot let the lane read without one.
    if (refusal === "not-needed") this.#refusedUntil.delete("no-slot");
    else this.#claimedAt = Number.NEGATIVE_INFINITY;
    if (this.#refusedUntil.has(refusal)) return;
    // Random, so that not all replicas read at the same time.
    const acceptedMs = tuning.readAnywayAfterMs[refusal] * (0.5 + Math.random());
    this.#refusedUntil.set(refusal, performance.now() + acceptedMs);
  }

  #conditions(): ReaderSlotRequest {
    const now = performance.now();
    const accepts = (refusal: SlotRefusal) =>
      now < (this.#refusedUntil.get(refusal) ?? Number.POSITIVE_INFINITY);
    const maySkip = !this.#checksTakeLonger && now - this.#claimedAt >= tuning.activeMs;
    const unlessOthers = {
      claimed: tuning.othersClaimed,
      withinMs: tuning.othersClaimedWithinMs,
      asksFirst: this.#refusedUntil.has("not-needed"),
    };
    return {
      ...(accepts("no-slot") && now >= this.#ignoresSlotsUntil
        ? { maxReaders: tuning.maxReaders }
        : {}),
      ...(maySkip && accepts("not-needed") ? { unlessOthers } : {}),
    };
  }
}
