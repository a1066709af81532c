import type { Side } from "@centralcloud/postgres";
import type { QueueClient } from "@centralcloud/queue";
import { definePart, type Observe, type Part, pause, wordsOf } from "@centralcloud/service";
import { type DatabaseBreakers, LaneBreakers } from "./breakers.ts";
import type { LaneHandler } from "./handler.ts";
import type { LaneName, LaneObservation } from "./observation.ts";
import { Pipeline } from "./pipeline.ts";
import { Reader } from "./reader.ts";
import { defaults, working } from "./tuning.ts";
import { type IdleWatch, Sleep, Waiter } from "./waiter.ts";

/*
 * The states of a message. Each arrow says what moves it; the part that does it stands at the left.
 *
 *   queue        visible ◄───────────────────────────────────────────────┐
 *                   │ a read: lease and claim token                      │
 *   Reader          ▼                                                    │
 *                claimed ─┬─ its process ends; the lease ends ───────────┤ the delivery counts
 *   Pipeline        │     └─ over a budget; beside poison suspects ──────┤ release
 *   Batch           ▼                                                    │
 *                 known? ─┬─ merged before ──────────► archived          │
 *                   │     └─ delivered too often ────► dead letter: delivery-limit
 *                   ▼                                                    │
 *                checked ─┬─ refused ────────────────► dead letter: invalid, unreadable, too-large
 *                   │     └─ could not be checked ───► failed attempt    │
 *   isolate         ▼                                                    │
 *                 merge ──┬─ alone, its own fault ───► dead letter: rejected
 *                   │     ├─ alone, an unknown fault ► failed attempt    │
 *                   │     └─ a fault of a database ──────────────────────┤ release; the breaker opens
 *   Settlement      ▼                                                    │
 *                merged ─── in the ledger ───────────► archived          │
 *                                                                        │
 *        failed attempt ─┬─ below maxAttempts ───────────────────────────┘ release with delay
 *                        └─ else ────────────────────► dead letter: failed
 *
 * A stop releases all messages that are undecided, and so does a lease that ended before the merge.
 */

export interface LaneOptions {
  readonly name: LaneName;
  readonly handler: LaneHandler;
  /** The source's queues. */
  readonly queues: QueueClient;
  /** Of the two databases; shared by all lanes that use them. */
  readonly breakers: DatabaseBreakers;
  readonly observe: Observe<LaneObservation>;
  /** This replica's id, as dead letters shall say. */
  readonly consumer?: string;
  /** Tells of the first message after idleness; without it, polling has to find it. */
  readonly idleWatch?: IdleWatch;
  /** Messages per read, 1 to 10,000; default 500. Fewer are read when they are large. */
  readonly batchSize?: number;
  /** The same while reads find as many as they ask for, from `batchSize`; default: the batch size. */
  readonly backlogBatchSize?: number;
  /** Batches merged at a time, from 1; one more is read ahead. Default 2. */
  readonly concurrency?: number;
  /** Lease of a read in seconds, from 1; default 30. Extended while work continues. */
  readonly visibilityTimeoutS?: number;
  /** Failed attempts of one message before it is dead-lettered, from 1; default 5. */
  readonly maxAttempts?: number;
  /** Reads of one message before it is dead-lettered unmerged, from 1; default 20. */
  readonly maxDeliveries?: number;
  /** Longer messages (UTF-8 bytes of their JSON text) are dead-lettered as too-large; default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** Whether the producers' trace contexts are read, and told with each batch; default false. */
  readonly traceparents?: boolean;
}

/**
 * One source × one queue: reads batches, has each checked, merged and settled, and waits for reasons to read again.
 * Several lanes, here and in other processes, may share a queue; the visibility timeout divides the work.
 */
export interface Lane extends Part {
  readonly lane: LaneName;
  /** The fault that keeps it from working, if there is one. */
  readonly fault: { readonly side: Side; readonly error: string } | undefined;
  /** Whether it has a fault at this side that other lanes of the same database do not have. */
  isFaulty(side: Side): boolean;
  /** How often it crashed, by a mistake in this code. It continued each time. */
  readonly crashes: number;
  /** It crashed, and waits before it continues. */
  readonly restarting: boolean;
  /** No batch is in work, and the last read found nothing. */
  readonly idle: boolean;
  /** Ends a wait: there may be something to read. */
  wake(): void;
}

export function createLane(options: LaneOptions): Lane {
  const { name, queues, handler, observe } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const batchSize = options.batchSize ?? defaults.batchSize;
  const visibilityTimeoutS = options.visibilityTimeoutS ?? defaults.visibilityTimeoutS;
  const probeCentral = () => handler.store.merge([], () => {});
  const breakers = new LaneBreakers(name, options.breakers, probeCentral, observe);
  const shared = { name, queues, breakers, observe, batchSize, visibilityTimeoutS };
  const reader = new Reader({
    ...shared,
    backlogBatchSize: options.backlogBatchSize ?? batchSize,
    maxMessageBytes: options.maxMessageBytes ?? defaults.maxMessageBytes,
    traceparents: options.traceparents ?? false,
    isDemanding: handler.isDemanding ?? false,
    stopping: signal,
  });
  const { idleWatch } = options;
  const waiter = new Waiter({ queue: name.queue, idleWatch, breakers, stopping: signal });
  const pipeline = new Pipeline({
    ...shared,
    handler,
    consumer: options.consumer ?? null,
    slots: reader.slots,
    concurrency: options.concurrency ?? defaults.concurrency,
    maxAttempts: options.maxAttempts ?? defaults.maxAttempts,
    maxDeliveries: options.maxDeliveries ?? defaults.maxDeliveries,
    stopping: signal,
    onEmpty: () => waiter.settled(),
    onCrash: crashed,
  });
  let crashes = 0;
  let restarting = false;
  let loop: Promise<void> | undefined;

  async function consume(): Promise<void> {
    // Most queues are empty, which one probe of all queues of a source tells: no connection is made to read nothing.
    if (!reader.hasRead && (await breakers.admit(signal))) await waiter.waitForMessage();
    while (!signal.aborted) {
      await pipeline.room();
      if (reader.isShared) await pipeline.settled();
      if (!(await breakers.admit(signal))) continue;
      waiter.readBegins();
      const read = await reader.read();
      if (read.kind === "messages") {
        waiter.found();
        await pipeline.submit(read.batch);
      } else if (read.kind === "empty") await waiter.wait();
    }
  }

  function crashed(error: unknown): void {
    crashes += 1;
    restarting = true;
    observe({ event: "lane-crashed", ...name, error: wordsOf(error), crashes });
  }

  /** A mistake in this code ends neither the lane nor others: the lane continues after a while. */
  async function supervise(): Promise<void> {
    let waitMs: number = working.restartFirstMs;
    while (!signal.aborted) {
      const startedAt = performance.now();
      await consume().catch(crashed);
      if (performance.now() - startedAt > working.restartForgetMs) waitMs = working.restartFirstMs;
      await pause(waitMs, signal);
      restarting = false;
      waitMs = Math.min(working.restartLastMs, waitMs * 2);
    }
  }

  const part = definePart({
    name: `lane ${name.source}/${name.queue}`,
    async start() {
      waiter.start();
      loop = supervise();
    },
    async stop(graceMs) {
      stopping.abort();
      waiter.stop();
      const deadline = new Sleep();
      const finished = Promise.resolve(loop).then(() => pipeline.settled());
      await Promise.race([finished, deadline.for(graceMs)]);
      deadline.end();
      // A source that does not answer must not hold up the end: the visibility timeouts end by themselves.
      const released = pipeline.releaseAll("shutdown");
      await Promise.race([released, deadline.for(working.releaseAtStopMs)]);
      deadline.end();
    },
  });

  return {
    ...part,
    lane: name,
    get fault() {
      return breakers.fault;
    },
    isFaulty: (side) => breakers.isFaulty(side),
    get crashes() {
      return crashes;
    },
    get restarting() {
      return restarting;
    },
    get idle() {
      return waiter.foundNothing && pipeline.isEmpty;
    },
    wake: () => waiter.wake(),
  };
}
