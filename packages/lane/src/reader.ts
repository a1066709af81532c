import { classifyFault } from "@centralcloud/postgres";
import type { ClaimedMessage, MessageIdentity, QueueClient, ReadLimits } from "@centralcloud/queue";
import type { LaneName, Observe } from "@centralcloud/service";
import type { LaneBreakers } from "./breakers.ts";
import { ReaderSlots } from "./reader-slots.ts";
import { maxBatchBytes, reading } from "./tuning.ts";

/** The messages of one read. */
export interface ReadBatch {
  /** Counts the lane's batches, from 1; observations know the batch by it. */
  readonly number: number;
  /** When the read was sent, by the monotonic clock: the lease counts from here. */
  readonly claimedAt: number;
  /** At least one, lowest id first. */
  readonly messages: readonly ClaimedMessage[];
}

/**
 * What a read gave. `empty`: nothing is visible. `later`: it tells nothing about the queue, because of a fault, because
 * other replicas read, or because it began behind the read cursor; another read should follow.
 */
export type Read =
  | { readonly kind: "messages"; readonly batch: ReadBatch }
  | { readonly kind: "empty" }
  | { readonly kind: "later" };

export interface ReaderOptions {
  readonly name: LaneName;
  readonly queues: QueueClient;
  readonly breakers: LaneBreakers;
  readonly observe: Observe;
  readonly batchSize: number;
  readonly backlogBatchSize: number;
  readonly visibilityTimeoutS: number;
  readonly maxMessageBytes: number;
  readonly traceparents: boolean;
  /** Whether checking may take longer than merging; see {@link ReaderSlots}. */
  readonly isDemanding: boolean;
  readonly stopping: AbortSignal;
}

/** Reads one queue: decides how many messages to ask for, where to begin, and whether a reader slot is needed. */
export class Reader {
  readonly #options: ReaderOptions;
  readonly #size: ReadSize;
  readonly #cursor = new ReadCursor();
  readonly slots: ReaderSlots;
  #batches = 0;

  constructor(options: ReaderOptions) {
    const { batchSize, maxMessageBytes, backlogBatchSize, isDemanding } = options;
    this.#options = options;
    this.#size = new ReadSize(batchSize, maxBatchBytes, maxMessageBytes, backlogBatchSize);
    this.slots = new ReaderSlots(isDemanding);
  }

  /** Whether any message was read so far. */
  get hasRead(): boolean {
    return this.#batches > 0;
  }

  /** Whether other replicas read this queue: then more batches in flight would only make all of them slower. */
  get isShared(): boolean {
    return this.slots.isContended || this.#cursor.isShared;
  }

  async read(): Promise<Read> {
    const { name, queues, breakers, observe, visibilityTimeoutS, ...options } = this.#options;
    const { maxMessageBytes, traceparents, stopping } = options;
    const claimedAt = performance.now();
    const quantity = this.#size.next();
    const { start, isAtStart } = this.#cursor;
    const limits: ReadLimits = {
      visibilityTimeoutS,
      quantity,
      maxMessageBytes,
      maxBatchBytes,
      traceparents,
      ...start,
    };
    const messages = await this.slots
      .request(
        (slot) => this.#noteAnswer(queues.readWithSlot(name.queue, limits, slot)),
        stopping,
        () => queues.isSlotHeldByReader(name.queue),
      )
      .catch((error: unknown) => {
        const { kind } = classifyFault(error);
        if (kind === "timed-out" || kind === "cancelled") this.#size.timedOut(quantity);
        breakers.failed("source", error);
        return undefined;
      });
    if (messages === undefined) return { kind: "later" };
    // Messages over the memory budget are released, and should be read next, so that little overtakes them.
    const isFull = messages.length === quantity && !messages.some(isOverBudget);
    this.#cursor.moveBehind(isFull ? messages : undefined);
    if (messages.length === 0) {
      if (!isAtStart) return { kind: "later" };
      breakers.foundNothing();
      return { kind: "empty" };
    }
    const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
    this.#size.learn(messages.length, bytes);
    const ms = performance.now() - claimedAt;
    this.#batches += 1;
    const number = this.#batches;
    const traced = traceparents ? { traceparents: traceparentsOf(messages) } : {};
    const { length: count } = messages;
    observe({ event: "batch-read", ...name, batch: number, count, bytes, ms, ...traced });
    return { kind: "messages", batch: { number, claimedAt, messages } };
  }

  /** A refusal is an answer of the source, too; and then this lane has nothing to merge. */
  async #noteAnswer<Answer>(read: Promise<Answer>): Promise<Answer> {
    const { breakers } = this.#options;
    const answer = await read;
    breakers.succeeded("source");
    if (typeof answer === "string") breakers.foundNothing();
    return answer;
  }
}

/** Its body stayed in the database, because the batch's memory was used up. */
export function isOverBudget({ withheld }: ClaimedMessage): boolean {
  return withheld === "memory-budget";
}

function traceparentsOf(messages: readonly ClaimedMessage[]): readonly string[] {
  const all = messages.flatMap(({ traceparent }) => (traceparent === null ? [] : [traceparent]));
  return [...new Set(all)];
}

/**
 * How many messages the next read should claim, so that their bodies fit into the batch's memory.
 *
 * It follows the sizes seen: up at once, down by a part of the difference, so that one large batch is remembered for a
 * while. It begins with the largest size allowed, so that the first read never claims more than fits. While reads find
 * as many messages as they asked for, a backlog waits, and larger batches get through it sooner: each such read doubles
 * the limit, up to the size for backlogs; the first read that finds fewer ends that. A read that the source could not
 * finish in time is followed by one of half as many messages; each read that is answered doubles the limit again.
 */
export class ReadSize {
  readonly #batchSize: number;
  readonly #maxBatchBytes: number;
  #expectedBytes: number;
  readonly #backlogBatchSize: number;
  /** Messages that the next read may ask for, if they are small; from 1 to the size for backlogs. */
  #limit: number;
  #asked: number;

  /** @param backlogBatchSize at least the batch size; default: the same. */
  constructor(
    batchSize: number,
    maxBatchBytes: number,
    maxMessageBytes: number,
    backlogBatchSize = batchSize,
  ) {
    this.#batchSize = batchSize;
    this.#backlogBatchSize = backlogBatchSize;
    this.#maxBatchBytes = maxBatchBytes;
    this.#expectedBytes = maxMessageBytes;
    this.#limit = batchSize;
    this.#asked = batchSize;
  }

  /** From 1 to the size for backlogs. */
  next(): number {
    const fitting = Math.floor(this.#maxBatchBytes / this.#expectedBytes);
    this.#asked = Math.max(1, Math.min(this.#limit, fitting));
    return this.#asked;
  }

  /** A read of `quantity` messages was ended by a timeout. */
  timedOut(quantity: number): void {
    this.#limit = Math.max(1, Math.floor(quantity / 2));
  }

  /** @param bytes the size of all bodies of a read, those that were withheld included. */
  learn(count: number, bytes: number): void {
    const highest = count >= this.#asked ? this.#backlogBatchSize : this.#batchSize;
    this.#limit = Math.min(highest, 2 * this.#limit);
    if (count === 0) return;
    const mean = Math.max(1, bytes / count);
    // A read of a few messages says little about the next hundred, so it lowers the expectation less.
    const weight = Math.min(1, count / reading.fullWeightMessages);
    const lower = this.#expectedBytes + (mean - this.#expectedBytes) * weight;
    this.#expectedBytes = Math.max(mean, lower);
  }
}

/** Where a read begins; empty: at the start of the queue. */
export type ReadStart = Pick<ReadLimits, "afterId" | "afterOthers">;

const startOfQueue: ReadStart = {};

/**
 * The read cursor: where the next read begins. After a full batch it begins behind that batch: the rows in front are in
 * flight, or dead, and stepping over them costs more the more there are. Where other replicas read, too, the next
 * messages are in flight as well, so the read begins behind the message that was claimed last. Messages that are
 * released meanwhile lie in front of the cursor, so every 16th read, and each read after a batch that was not full,
 * begins at the start.
 */
export class ReadCursor {
  #start = startOfQueue;
  #reads = 0;
  /** Consecutive reads whose first id was not previous + 1, i.e. another reader took messages in between. */
  #gaps = 0;

  get start(): ReadStart {
    return this.#start;
  }

  /** Whether the next read sees all visible messages. */
  get isAtStart(): boolean {
    return this.#start === startOfQueue;
  }

  /** Whether other readers seem to read this queue; a single gap means nothing, since ids have gaps anyway. */
  get isShared(): boolean {
    return this.#gaps >= reading.sharedAfterGaps;
  }

  /** @param full the messages of a read, lowest id first, if it found as many as it asked for; else undefined. */
  moveBehind(full: readonly Pick<MessageIdentity, "msgId">[] | undefined): void {
    this.#reads += 1;
    const firstId = full?.[0]?.msgId;
    const afterId = full?.at(-1)?.msgId;
    const before = this.#start.afterId;
    const afterOthers =
      firstId !== undefined && before !== undefined && BigInt(firstId) > BigInt(before) + 1n;
    if (firstId === undefined) this.#gaps = 0;
    else if (before !== undefined) this.#gaps = afterOthers ? this.#gaps + 1 : 0;
    if (firstId === undefined || afterId === undefined || this.#reads >= reading.readsAhead) {
      this.#start = startOfQueue;
      this.#reads = 0;
      return;
    }
    this.#start = { afterId, afterOthers };
  }
}
