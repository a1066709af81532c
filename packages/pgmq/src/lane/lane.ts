import { classifyFault } from "@centralcloud/postgres";
import { definePart, type LaneName, type Part, pause, wordsOf } from "@centralcloud/service";
import PQueue from "p-queue";
import type { ClaimedMessage } from "../client/message.ts";
import { Batch } from "./batch.ts";
import { Frontier } from "./frontier.ts";
import { Gate, type Side } from "./gate.ts";
import type { LaneOptions } from "./lane-options.ts";
import { Lease } from "./lease.ts";
import { MergeWindow } from "./merge-window.ts";
import { ReadSize } from "./read-size.ts";
import { ReadTurns } from "./read-turns.ts";
import { RefusalRate } from "./refusal-rate.ts";
import { Rhythm } from "./rhythm.ts";
import { Sleep } from "./sleep.ts";
import { separateSuspects } from "./suspects.ts";

/** The bodies of one batch in memory: enough for 500 messages of 8 kB. */
export const maxBatchBytes = 4 * 1024 * 1024;

/** How long a stop may take beyond its grace period to give back what is in flight. */
const abandonMs = 750;

/** A lane that sleeps is woken; this is only for a mistake of whoever should, whom it asks then. */
const longestSleepMs = 60_000;

/** How long a lane that crashed waits before it goes on: twice as long each time, up to the last. */
const restart = { firstMs: 250, lastMs: 30_000, forgetMs: 60_000 };

/**
 * One source × one queue: reads batches, has each checked, merged and settled, and waits for reasons
 * to look again. Several lanes, here and in other processes, may share a queue; the visibility
 * timeout divides the work.
 */
export interface Lane extends Part {
  readonly lane: LaneName;
  /** What keeps it from working, if anything does. */
  readonly fault: { readonly side: Side; readonly error: string } | undefined;
  /** Whether it meets a fault of its own at this side, which others of the same database do not. */
  isFaulty(side: Side): boolean;
  /** How often it crashed: a mistake of ours. It went on each time. */
  readonly crashes: number;
  /** It crashed, and waits before it goes on. */
  readonly restarting: boolean;
  /** Nothing is in flight and the last read found nothing. */
  readonly idle: boolean;
  /** Ends a wait: there may be something to read. */
  wake(): void;
}

export function createLane(options: LaneOptions): Lane {
  const { name, source, claims, handler, observe, idleWatch } = options;
  const batchSize = options.batchSize ?? 500;
  const visibilityTimeoutS = options.visibilityTimeoutS ?? 30;
  const maxAttempts = options.maxAttempts ?? 5;
  const maxDeliveries = options.maxDeliveries ?? 20;
  const maxMessageBytes = options.maxMessageBytes ?? 1024 * 1024;
  const concurrency = options.concurrency ?? 2;
  const merging = new PQueue({ concurrency });
  /** Of its own, so that a store that waits for a source has something to do. */
  const settling = new PQueue({ concurrency });
  const mergeWindow = new MergeWindow(concurrency);
  const refusalRate = new RefusalRate();
  const { backlogBatchSize } = options;
  const readSize = new ReadSize(batchSize, maxBatchBytes, maxMessageBytes, backlogBatchSize);
  const gate = new Gate(name, options.breakers, () => handler.store.merge([], () => {}), observe);
  const frontier = new Frontier();
  const turns = new ReadTurns(handler.isDemanding ?? false);
  const rhythm = new Rhythm();
  const sleep = new Sleep();
  const unsettled = new Set<Batch>();
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  /** How many batches there were. */
  let batches = 0;
  /** Whether the last read, or look, found nothing. */
  let idle = false;
  let woken = false;
  /** Whether senders may have been asked to notify since the last message. */
  let slept = false;
  let isAsleep = false;
  let crashes = 0;
  let restarting = false;
  let loop: Promise<void> | undefined;
  let ignoreMessages = () => {};

  async function consume(): Promise<void> {
    // Most queues are empty, which one look at all of a source's tells: no connection is made to read nothing.
    if (batches === 0 && (await gate.admit(stopping.signal))) await fallAsleep();
    while (!stopping.signal.aborted) {
      await Promise.all([merging.onSizeLessThan(1), settling.onSizeLessThan(1)]);
      // Where others have enough to read, more in flight at a time only makes all of them slower.
      if (turns.isContended || frontier.isShared) await Promise.all(underWay);
      if (!(await gate.admit(stopping.signal))) continue;
      const claimedAt = performance.now();
      woken = false;
      const messages = await read();
      if (messages === undefined) continue;
      if (messages.length > 0) await dispatch(messages, claimedAt);
      else await rest();
    }
  }

  /** Undefined when it tells nothing: a fault, other readers, or only what lies behind was looked at. */
  async function read(): Promise<readonly ClaimedMessage[] | undefined> {
    const startedAt = performance.now();
    const quantity = readSize.next();
    const { next, atStart } = frontier;
    const { traceparents = false } = options;
    const limits = {
      visibilityTimeoutS,
      quantity,
      maxMessageBytes,
      maxBatchBytes,
      traceparents,
      ...next,
    };
    const messages = await turns
      .take(
        (turn) => answerTo(source.readInTurn(name.queue, limits, turn)),
        stopping.signal,
        () => source.readersAreOurs(name.queue),
      )
      .catch((error: unknown) => {
        const { kind } = classifyFault(error);
        if (kind === "timed-out" || kind === "cancelled") readSize.timedOut(quantity);
        gate.failed("source", error);
        return undefined;
      });
    if (messages === undefined) return undefined;
    // What does not fit into memory goes back to the queue, and is read next, so that little overtakes it.
    const isWhole = messages.length === quantity && !messages.some(isOverBudget);
    frontier.moved(isWhole ? messages : undefined);
    if (messages.length === 0) return atStart ? messages : undefined;
    const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
    readSize.learn(messages.length, bytes);
    const ms = performance.now() - startedAt;
    batches += 1;
    const traced = traceparents ? { traceparents: traceparentsOf(messages) } : {};
    const { length: count } = messages;
    observe({ event: "batch-read", ...name, batch: batches, count, bytes, ms, ...traced });
    return messages;
  }

  /** To be turned away is an answer, too; and then there is nothing to merge here. */
  async function answerTo<Answer>(read: Promise<Answer>): Promise<Answer> {
    const answer = await read;
    gate.succeeded("source");
    if (typeof answer === "string") gate.foundNothing();
    return answer;
  }

  /** Begins with a batch; waits for its end only where it may kill the process, and must be alone. */
  async function dispatch(messages: readonly ClaimedMessage[], claimedAt: number): Promise<void> {
    idle = false;
    rhythm.found();
    if (slept) idleWatch?.unwatch(name.queue);
    slept = false;
    const { suspected, apart } = separateSuspects(messages, batchSize, maxDeliveries);
    const batch = createBatch(messages, claimedAt);
    try {
      await batch.setApart(apart, "suspicion");
      const isApart = new Set(apart);
      const others = messages.filter((one) => isOverBudget(one) && !isApart.has(one));
      await batch.setApart(others, "memory-budget");
      if (suspected) await Promise.all(underWay);
    } catch (error) {
      // Nobody else would ever end its lease.
      await batch.abandon("fault").finally(() => unsettled.delete(batch));
      throw error;
    }
    const settled = batch
      .process()
      .catch(crashed)
      .finally(() => {
        unsettled.delete(batch);
        underWay.delete(settled);
        // It may have put messages back, of which nobody tells.
        if (isAsleep && underWay.size === 0) sleep.end();
      });
    underWay.add(settled);
    if (suspected) await settled;
  }

  function createBatch(messages: readonly ClaimedMessage[], claimedAt: number): Batch {
    const lease = new Lease(claimedAt, visibilityTimeoutS * 1000, async () => {
      const ours = batch.undecided;
      // What is decided needs no lease, only an end of trying to tell the source.
      if (ours.length === 0) return false;
      const held = new Set(await claims.extend(name.queue, ours));
      const asked = new Set(ours);
      // What was archived or given back while the source was asked is not lost.
      const lost = batch.undecided.filter((one) => asked.has(one) && !held.has(one.msgId)).length;
      observe({ event: "lease-extended", ...name, count: held.size, lost });
      return lost === 0;
    });
    const batch: Batch = new Batch(messages, {
      name,
      number: batches,
      handler,
      claims,
      observe,
      consumer: options.consumer ?? null,
      maxAttempts,
      maxDeliveries,
      lease,
      refusalRate,
      gate,
      merging,
      settling,
      mergeWindow,
      turns,
      stopping: stopping.signal,
    });
    unsettled.add(batch);
    return batch;
  }

  /** The last read found nothing. */
  async function rest(): Promise<void> {
    gate.foundNothing();
    idle = true;
    const waitMs = rhythm.nextWaitMs() ?? (idleWatch === undefined ? rhythm.longer() : undefined);
    if (waitMs === undefined) return await fallAsleep();
    // What woke us after the read began may have come too late for it.
    if (!stopping.signal.aborted && !woken) await sleep.for(waitMs);
  }

  /** Waits until there may be something to read, as whoever watches the queue for us says. */
  async function fallAsleep(): Promise<void> {
    if (idleWatch === undefined) return;
    try {
      while (!stopping.signal.aborted) {
        slept = true;
        const state = await idleWatch.sleep(name.queue);
        gate.succeeded("source");
        if (state === "message") return rhythm.saw();
        idle = true;
        isAsleep = true;
        if (!stopping.signal.aborted && !woken) await sleep.for(longestSleepMs);
        if (woken) return;
        // It ended by itself, or since what was in flight is done: to ask once more needs no connection of its own.
      }
    } catch (error) {
      gate.failed("source", error);
    } finally {
      isAsleep = false;
    }
  }

  function crashed(error: unknown): void {
    crashes += 1;
    restarting = true;
    observe({ event: "lane-crashed", ...name, error: wordsOf(error), crashes });
  }

  /** A mistake of ours ends neither the lane nor its neighbours: it goes on after a while. */
  async function supervise(): Promise<void> {
    let waitMs = restart.firstMs;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      await consume().catch(crashed);
      if (performance.now() - startedAt > restart.forgetMs) waitMs = restart.firstMs;
      await pause(waitMs, stopping.signal);
      restarting = false;
      waitMs = Math.min(restart.lastMs, waitMs * 2);
    }
  }

  const part = definePart({
    name: `lane ${name.source}/${name.queue}`,
    async start() {
      ignoreMessages = idleWatch?.onMessage(name.queue, wake) ?? ignoreMessages;
      loop = supervise();
    },
    async stop(graceMs) {
      stopping.abort();
      ignoreMessages();
      sleep.end();
      const deadline = new Sleep();
      const finished = Promise.resolve(loop).then(() => Promise.all(underWay));
      await Promise.race([finished, deadline.for(graceMs)]);
      deadline.end();
      // A source that says nothing must not hold up the end: the leases end by themselves.
      const lastWords = Promise.all([...unsettled].map((batch) => batch.abandon("shutdown")));
      await Promise.race([lastWords, deadline.for(abandonMs)]);
      deadline.end();
    },
  });

  function wake(): void {
    woken = true;
    rhythm.announced();
    sleep.end();
  }

  return {
    ...part,
    lane: name,
    get fault() {
      return gate.fault;
    },
    isFaulty: (side) => gate.isFaulty(side),
    get crashes() {
      return crashes;
    },
    get restarting() {
      return restarting;
    },
    get idle() {
      return idle && underWay.size === 0;
    },
    wake,
  };
}

function isOverBudget({ withheld }: ClaimedMessage): boolean {
  return withheld === "memory-budget";
}

function traceparentsOf(messages: readonly ClaimedMessage[]): readonly string[] {
  const all = messages.flatMap(({ traceparent }) => (traceparent === null ? [] : [traceparent]));
  return [...new Set(all)];
}
