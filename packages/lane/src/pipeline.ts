import type { ClaimedMessage, QueueClient } from "@centralcloud/queue";
import type { Observe } from "@centralcloud/service";
import PQueue from "p-queue";
import { Batch } from "./batch.ts";
import type { LaneBreakers } from "./breakers.ts";
import type { LaneHandler } from "./handler.ts";
import { RefusalRate, separatePoisonSuspects } from "./isolation.ts";
import { Lease } from "./lease.ts";
import type { LaneName, LaneObservation, ReleaseReason } from "./observation.ts";
import { isOverBudget, type ReadBatch } from "./reader.ts";
import type { ReaderSlots } from "./reader-slots.ts";

export interface PipelineOptions {
  readonly name: LaneName;
  readonly handler: LaneHandler;
  readonly queues: QueueClient;
  readonly breakers: LaneBreakers;
  readonly observe: Observe<LaneObservation>;
  /** This replica's id in dead letters. */
  readonly consumer: string | null;
  readonly slots: ReaderSlots;
  readonly batchSize: number;
  readonly concurrency: number;
  readonly visibilityTimeoutS: number;
  readonly maxAttempts: number;
  readonly maxDeliveries: number;
  readonly stopping: AbortSignal;
  /** Called when the last batch in work is settled. */
  readonly onEmpty: () => void;
  /** Called with a mistake of this code that a batch met; its messages are read again when their lease ends. */
  readonly onCrash: (error: unknown) => void;
}

/**
 * The batches in work: at most `concurrency` are merged at a time, as many are settled, and one is read ahead. Batches
 * are merged roughly in the order in which they were read.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #merging: PQueue;
  /** A queue of its own, so that the store has something to do while batches wait for their source. */
  readonly #settling: PQueue;
  readonly #window: MergeWindow;
  readonly #refusalRate = new RefusalRate();
  readonly #unsettled = new Set<Batch>();
  readonly #inWork = new Set<Promise<void>>();

  constructor(options: PipelineOptions) {
    const { concurrency } = options;
    this.#options = options;
    this.#merging = new PQueue({ concurrency });
    this.#settling = new PQueue({ concurrency });
    this.#window = new MergeWindow(concurrency);
  }

  get isEmpty(): boolean {
    return this.#inWork.size === 0;
  }

  /** Resolves when another batch may be read: none waits to be merged or to be settled. */
  async room(): Promise<void> {
    await Promise.all([this.#merging.onSizeLessThan(1), this.#settling.onSizeLessThan(1)]);
  }

  /** Resolves when the batches that are in work now are settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#inWork);
  }

  /**
   * Begins to work on a batch. Messages that are better read again later are released first: those over the memory
   * budget, and the other messages of a batch with poison suspects. Waits for the batch's end only where it may end the
   * process; then it is alone in work, too.
   */
  async submit(read: ReadBatch): Promise<void> {
    const { batchSize, maxDeliveries } = this.#options;
    const { messages } = read;
    const { mayBePoison, apart } = separatePoisonSuspects(messages, batchSize, maxDeliveries);
    const batch = this.#createBatch(read);
    try {
      await batch.release(apart, "suspicion");
      const isApart = new Set(apart);
      const overBudget = messages.filter((one) => isOverBudget(one) && !isApart.has(one));
      await batch.release(overBudget, "memory-budget");
      if (mayBePoison) await this.settled();
    } catch (error) {
      // Nothing else would ever end its lease.
      await batch.releaseAll("fault").finally(() => this.#unsettled.delete(batch));
      throw error;
    }
    const settled = batch
      .process()
      .catch(this.#options.onCrash)
      .finally(() => {
        this.#unsettled.delete(batch);
        this.#inWork.delete(settled);
        if (this.isEmpty) this.#options.onEmpty();
      });
    this.#inWork.add(settled);
    if (mayBePoison) await settled;
  }

  /** Releases the undecided messages of all batches, whatever is in work; tries that once. */
  async releaseAll(reason: ReleaseReason): Promise<void> {
    await Promise.all([...this.#unsettled].map((batch) => batch.releaseAll(reason)));
  }

  #createBatch({ number, claimedAt, messages }: ReadBatch): Batch {
    const { visibilityTimeoutS } = this.#options;
    const lease = new Lease(claimedAt, visibilityTimeoutS * 1000, () => this.#extend(batch));
    const batch: Batch = new Batch(messages, {
      ...this.#options,
      number,
      lease,
      refusalRate: this.#refusalRate,
      merging: this.#merging,
      settling: this.#settling,
      tryInOrder: (first, merge) => this.#window.try(first, merge),
    });
    this.#unsettled.add(batch);
    return batch;
  }

  /** Extends the lease of a batch's undecided messages; whether this read still has all of them. */
  async #extend(batch: Batch): Promise<boolean> {
    const { name, queues, observe } = this.#options;
    const asked: readonly ClaimedMessage[] = batch.undecided;
    // Decided messages need no lease: only the source has to be told, and the lease bounds how long that is tried.
    if (asked.length === 0) return false;
    const extended = new Set(await queues.extendLease(name.queue, asked));
    const wasAsked = new Set(asked);
    // Messages that were archived or released while the source was asked are not lost.
    const isLost = (one: ClaimedMessage) => wasAsked.has(one) && !extended.has(one.msgId);
    const lost = batch.undecided.filter(isLost).length;
    observe({ event: "lease-extended", ...name, count: extended.size, lost });
    return lost === 0;
  }
}

/**
 * Keeps the batches of a lane roughly in their order: a batch begins to merge once the batches that were read `size` or
 * more before it have been tried. So at most `size - 1` later batches are merged before any. Only the first try of a
 * batch counts: searching it for a rejected message holds up no other batch.
 */
export class MergeWindow {
  readonly #size: number;
  /** Batches that are being tried, or wait to be tried, by their numbers. */
  readonly #trying = new Map<number, Promise<unknown>>();

  /** @param size how many batches are merged at once. */
  constructor(size: number) {
    this.#size = size;
  }

  /** @param batch its number; batches ask in the order of their numbers. */
  async try<Result>(batch: number, merge: () => Promise<Result>): Promise<Result> {
    const earlier = [...this.#trying].filter(([other]) => other <= batch - this.#size);
    const tried = Promise.allSettled(earlier.map(([, trying]) => trying)).then(merge);
    this.#trying.set(batch, tried);
    try {
      return await tried;
    } finally {
      this.#trying.delete(batch);
    }
  }
}
