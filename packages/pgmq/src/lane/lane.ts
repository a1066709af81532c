import { definePart, type LaneName, type Part } from "@centralcloud/service";
import PQueue from "p-queue";
import type { ClaimedMessage } from "../client/message.ts";
import { Batch } from "./batch.ts";
import { Breaker } from "./breaker.ts";
import type { LaneOptions } from "./lane-options.ts";
import { ReadSize } from "./read-size.ts";
import { Sleep } from "./sleep.ts";

/** The bodies of one batch in memory: enough for 500 messages of 8 kB. */
const maxBatchBytes = 4 * 1024 * 1024;

/** How long a stop may take beyond its grace period to give back what is in flight. */
const abandonMs = 1_000;

/** How long to wait after an empty read: short while the queue was busy, then longer and longer. */
const idlePoll = { firstMs: 15, lastMs: 2_000, factor: 1.5 };

/**
 * One source × one queue: reads batches, has each checked, merged and settled, and waits for reasons
 * to look again. Several lanes, here and in other processes, may share a queue; the visibility
 * timeout divides the work.
 */
export interface Lane extends Part {
  readonly lane: LaneName;
  /** What keeps it from working, if anything does. */
  readonly fault: { readonly side: "source" | "central"; readonly error: string } | undefined;
  /** Nothing is in flight and the last read found nothing. */
  readonly idle: boolean;
  /** Ends a wait: there may be something to read. */
  wake(): void;
}

export function createLane(options: LaneOptions): Lane {
  const { name, source, observe } = options;
  const visibilityTimeoutS = options.visibilityTimeoutS ?? 30;
  const maxMessageBytes = options.maxMessageBytes ?? 1024 * 1024;
  const inFlight = new PQueue({ concurrency: options.concurrency ?? 2 });
  const readSize = new ReadSize(options.batchSize ?? 500, maxBatchBytes, maxMessageBytes);
  const breaker = new Breaker(name, observe);
  const sleep = new Sleep();
  const unsettled = new Set<Batch>();
  const stopping = new AbortController();
  let idleMs = idlePoll.firstMs;
  let idle = false;
  let loop: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await inFlight.onSizeLessThan(1);
      if (breaker.waitMs() > 0) await sleep.for(breaker.waitMs());
      else if (breaker.fault?.side !== "central") await readOnce();
      else if (await probeCentral()) await readOnce(breaker.fault);
    }
  }

  /**
   * Whether the central store would take a batch, found out with an empty one: reading messages only
   * to give them back would wear out the queue.
   */
  async function probeCentral(): Promise<boolean> {
    try {
      await options.handler.merge([]);
      return true;
    } catch (error) {
      breaker.failed("central", error);
      return false;
    }
  }

  /** @param probed the fault that a probe has just found to be over. */
  async function readOnce(probed?: typeof breaker.fault): Promise<void> {
    const leaseEndsAt = performance.now() + visibilityTimeoutS * 1000;
    const messages = await read();
    if (messages === undefined) return;
    if (messages.length === 0) {
      // No merge will tell, but the probe has; unless a batch in flight has met another fault since.
      if (probed !== undefined && breaker.fault === probed) breaker.succeeded("central");
      idle = inFlight.pending === 0;
      await sleep.for(idleMs);
      idleMs = Math.min(idlePoll.lastMs, idleMs * idlePoll.factor);
      return;
    }
    idle = false;
    idleMs = idlePoll.firstMs;
    const batch = new Batch(messages, {
      ...options,
      maxDeliveries: options.maxDeliveries ?? 20,
      leaseEndsAt,
      breaker,
      stopping: stopping.signal,
    });
    unsettled.add(batch);
    // A batch deals with every error itself: what it can't decide goes back to the queue.
    void inFlight.add(() => batch.process()).finally(() => unsettled.delete(batch));
  }

  async function read(): Promise<readonly ClaimedMessage[] | undefined> {
    const startedAt = performance.now();
    try {
      const messages = await source.read(name.queue, {
        visibilityTimeoutS,
        quantity: readSize.next(),
        maxMessageBytes,
        maxBatchBytes,
      });
      breaker.succeeded("source");
      const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
      readSize.learn(messages.length, bytes);
      if (messages.length > 0) {
        const ms = performance.now() - startedAt;
        observe({ event: "batch-read", ...name, count: messages.length, bytes, ms });
      }
      return messages;
    } catch (error) {
      breaker.failed("source", error);
      return undefined;
    }
  }

  const part = definePart({
    name: `lane ${name.source}/${name.queue}`,
    async start() {
      loop = run();
    },
    async stop(graceMs) {
      stopping.abort();
      sleep.end();
      const deadline = new Sleep();
      const finished = Promise.resolve(loop).then(() => inFlight.onIdle());
      await Promise.race([finished, deadline.for(graceMs)]);
      deadline.end();
      // A source that says nothing must not hold up the end: the leases end by themselves.
      const lastWords = Promise.all([...unsettled].map((batch) => batch.abandon()));
      await Promise.race([lastWords, deadline.for(abandonMs)]);
      deadline.end();
    },
  });

  return {
    ...part,
    lane: name,
    get fault() {
      return breaker.fault;
    },
    get idle() {
      return idle && inFlight.pending === 0 && inFlight.size === 0;
    },
    wake() {
      idleMs = idlePoll.firstMs;
      sleep.end();
    },
  };
}
