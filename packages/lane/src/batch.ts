import { setTimeout as delay } from "node:timers/promises";
import { classifyFault } from "@centralcloud/postgres";
import type { ClaimedMessage } from "@centralcloud/queue";
import type { BatchOutcome, ReleaseReason } from "@centralcloud/service";
import type PQueue from "p-queue";
import type { AcceptedMessage, CheckResult, LaneHandler } from "./handler.ts";
import { isolate, type RefusalRate } from "./isolation.ts";
import { StaleLeaseError } from "./lease.ts";
import type { ReaderSlots } from "./reader-slots.ts";
import {
  type Failure,
  type PendingDeadLetter,
  Settlement,
  type SettlementContext,
  StoreFault,
} from "./settlement.ts";
import { working } from "./tuning.ts";

export interface BatchContext extends Omit<SettlementContext, "store"> {
  readonly handler: LaneHandler;
  readonly maxDeliveries: number;
  /** Of the lane. */
  readonly refusalRate: RefusalRate;
  /** Where batches of the lane queue for the store, and then for their source. */
  readonly merging: PQueue;
  readonly settling: PQueue;
  /** Begins the first try of a batch's merge once long earlier batches were tried. */
  readonly tryInOrder: <Result>(number: number, merge: () => Promise<Result>) => Promise<Result>;
  readonly slots: ReaderSlots;
}

/** How the messages of a batch are to be settled. */
interface Decisions {
  readonly merged: readonly ClaimedMessage[];
  readonly failures: readonly Failure[];
  readonly deadLetters: readonly PendingDeadLetter[];
}

/** The messages of one read, on their way: delivered before? → check → merge → settle. */
export class Batch {
  readonly #context: BatchContext;
  readonly #settlement: Settlement;
  readonly #count: number;
  /** When the answer to the read had come: the messages' ages are of this moment. */
  readonly #readAt = performance.now();

  constructor(messages: readonly ClaimedMessage[], context: BatchContext) {
    this.#context = context;
    this.#count = messages.length;
    this.#settlement = new Settlement(messages, { ...context, store: context.handler.store });
  }

  /** The messages that the lease must be extended for. */
  get undecided(): readonly ClaimedMessage[] {
    return this.#settlement.undecided;
  }

  /**
   * A fault of a database is reported to the breakers, and the messages are released, now or when their lease ends.
   * Rejects only where this code has a mistake; then, too, the lease ends.
   */
  async process(): Promise<void> {
    const { name, observe, number: batch, lease } = this.#context;
    const startedAt = performance.now();
    let outcome: BatchOutcome = "crash";
    try {
      outcome = await this.#process();
    } catch (error) {
      if (error instanceof StaleLeaseError) {
        outcome = "lease-lost";
        const count = this.undecided.length;
        observe({ event: "lease-lost", ...name, count, lateMs: error.lateMs });
      } else if (error instanceof StoreFault) {
        outcome = "fault";
      } else {
        throw error;
      }
      await this.release(this.undecided, "fault");
    } finally {
      await lease.end();
      const ms = performance.now() - startedAt;
      observe({ event: "batch-finished", ...name, batch, count: this.#count, outcome, ms });
    }
  }

  async #process(): Promise<BatchOutcome> {
    const { merging, settling } = this.#context;
    const decided = await merging.add(() => this.#decide());
    if (typeof decided === "string") {
      await this.release(this.undecided, decided);
      return decided;
    }
    // The next batch is merged meanwhile.
    await settling.add(() => this.#settle(decided));
    return "settled";
  }

  /** Checks and merges the messages; or the reason why they are to be released instead. */
  async #decide(): Promise<Decisions | "shutdown" | "fault"> {
    const { stopping, breakers, slots } = this.#context;
    if (stopping.aborted) return "shutdown";
    // After a fault, the batch that was read ahead would only meet the same fault.
    if (breakers.isOpen) return "fault";
    const known = await this.#lookUpRedelivered();
    const checkFrom = performance.now();
    const checks = await this.#check(known.fresh);
    const mergeFrom = performance.now();
    // A stop may have released messages during the checks.
    const { merged, rejected, failures } = await this.#merge(
      this.#settlement.undecidedOf(checks.accepted),
    );
    slots.learn(mergeFrom - checkFrom, performance.now() - mergeFrom);
    return {
      merged: [...known.merged, ...merged],
      failures: [...checks.failures, ...failures],
      deadLetters: [...known.deadLetters, ...checks.deadLetters, ...rejected],
    };
  }

  async #settle({ merged, failures, deadLetters }: Decisions): Promise<void> {
    await this.#settlement.archive(merged);
    const exhausted = await this.#settlement.recordFailures(failures);
    await this.#settlement.deadLetter([...deadLetters, ...exhausted]);
    // The messages that were not checked because the lane stops.
    await this.release(this.undecided, "shutdown");
  }

  /** Makes messages visible again now, without counting this delivery. */
  async release(messages: readonly ClaimedMessage[], reason: ReleaseReason): Promise<void> {
    await this.#settlement.release(messages, reason);
  }

  /** Ends the lease and releases all messages that are undecided, whatever is in work; tries that once. */
  async releaseAll(reason: ReleaseReason): Promise<void> {
    this.#context.lease.revoke();
    await this.release(this.undecided, reason);
  }

  /**
   * A message over the delivery limit may have been merged before its process ended, and a message from the archive was
   * merged, unless the store is a new one. A message that was merged is archived, and neither merged again nor
   * dead-lettered.
   */
  async #lookUpRedelivered() {
    const { name, handler, maxDeliveries, observe } = this.#context;
    const isOver = ({ readCount }: ClaimedMessage) => readCount > maxDeliveries;
    const all = this.undecided;
    const doubtful = all.filter((message) => message.fromArchive || isOver(message));
    if (doubtful.length === 0) return { fresh: all, merged: [], deadLetters: [] };
    const records = await this.#settlement.inStore(() => handler.store.lookUp(doubtful));
    const merged = doubtful.filter((_, index) => records[index]?.merged === true);
    const deadLetters = doubtful.flatMap((message, index): PendingDeadLetter[] => {
      const { merged: isMerged, attempts } = records[index] ?? { merged: false, attempts: [] };
      if (isMerged || !isOver(message)) return [];
      const text = `it was delivered ${message.readCount} times without a result`;
      const error = { code: "delivery-limit", message: text };
      return [{ message, refusal: { reason: "delivery-limit", error }, attempts }];
    });
    if (merged.length > 0) {
      const counts = { merged: 0, duplicates: merged.length, ms: 0, latenciesMs: [] };
      observe({ event: "batch-merged", ...name, batch: this.#context.number, ...counts });
    }
    const known = new Set([...merged, ...deadLetters.map(({ message }) => message)]);
    return { fresh: all.filter((message) => !known.has(message)), merged, deadLetters };
  }

  async #check(messages: readonly ClaimedMessage[]) {
    const { name, handler, observe, number: batch, stopping } = this.#context;
    const startedAt = performance.now();
    const accepted: AcceptedMessage[] = [];
    const deadLetters: PendingDeadLetter[] = [];
    const failures: Failure[] = [];
    const results = await checkAll(messages, handler, stopping);
    for (const [index, message] of messages.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      if (result instanceof Error) {
        failures.push({ message, code: "check-failed", error: result.message });
      } else if (result.accepted) {
        const { msgId, enqueuedAt } = message;
        accepted.push({ msgId, enqueuedAt, document: result.document, message });
      } else deadLetters.push({ message, refusal: result.refusal });
    }
    const count = accepted.length + deadLetters.length + failures.length;
    const ms = performance.now() - startedAt;
    const refused = deadLetters.length;
    if (count > 0) observe({ event: "batch-checked", ...name, batch, count, refused, ms });
    return { accepted, deadLetters, failures };
  }

  async #merge(accepted: readonly AcceptedMessage[]) {
    const { name, number, handler, observe, lease, refusalRate, tryInOrder } = this.#context;
    if (accepted.length === 0) return { merged: [], rejected: [], failures: [] };
    const startedAt = performance.now();
    let isFirst = true;
    const merge = (group: readonly AcceptedMessage[]) => {
      const attempt = () =>
        retryConflicts(() => handler.store.merge(group, () => lease.assertHeld()));
      if (!isFirst) return attempt();
      isFirst = false;
      return tryInOrder(number, attempt);
    };
    const isolated = await this.#settlement.inStore(() => isolate(accepted, merge, refusalRate));
    const ms = performance.now() - startedAt;
    const inStore = isolated.inStore.map(({ message }) => message);
    if (inStore.length > 0) {
      const { merged, duplicates } = isolated;
      const latenciesMs = this.#latenciesOf(inStore);
      const counts = { merged, duplicates, ms, latenciesMs };
      observe({ event: "batch-merged", ...name, batch: number, ...counts });
    }
    const rejected: PendingDeadLetter[] = [];
    const failures: Failure[] = [];
    for (const { message: refused, fault } of isolated.rejected) {
      const { message } = refused;
      const { owner, code, message: text } = fault;
      if (owner === "unknown") failures.push({ message, code, error: text });
      else
        rejected.push({ message, refusal: { reason: "rejected", error: { code, message: text } } });
    }
    return { merged: inStore, rejected, failures };
  }

  /** Milliseconds from sending to now. Messages from the archive are left out: they were sent long ago. */
  #latenciesOf(messages: readonly ClaimedMessage[]): readonly number[] {
    const sinceReadMs = performance.now() - this.#readAt;
    const latenciesMs: number[] = [];
    for (const { ageMs, fromArchive } of messages) {
      if (!fromArchive) latenciesMs.push(ageMs + sinceReadMs);
    }
    return latenciesMs;
  }
}

/**
 * The check result of each message, in their order. An error where the check could not be made: its thread ended,
 * perhaps because of this very message. Undefined for messages over the batch's memory, and for those that were not
 * checked before `stopping` was aborted.
 */
async function checkAll(
  messages: readonly ClaimedMessage[],
  handler: LaneHandler,
  stopping: AbortSignal,
): Promise<readonly (CheckResult | Error | undefined)[]> {
  const results: (CheckResult | Error | undefined)[] = messages.map(() => undefined);
  let next = 0;

  async function work(): Promise<void> {
    for (let index = next++; index < messages.length; index = next++) {
      if (stopping.aborted) return;
      const message = messages[index] as ClaimedMessage;
      if (message.withheld === "memory-budget") continue;
      try {
        const result = checkOne(message, handler);
        results[index] = result instanceof Promise ? await result : result;
      } catch (error) {
        results[index] = error instanceof Error ? error : new Error(String(error));
      }
    }
  }

  // The first worker does all checks that need no waiting before the second one starts.
  await Promise.all(Array.from({ length: working.checksAtOnce }, work));
  return results;
}

function checkOne(
  message: ClaimedMessage,
  handler: LaneHandler,
): CheckResult | Promise<CheckResult> {
  if (message.withheld !== "too-large") return handler.check(message.body);
  const text = `it has ${message.bytes} bytes, more than is allowed`;
  const refusal = { reason: "too-large", error: { code: "too-large", message: text } } as const;
  return { accepted: false, refusal };
}

/**
 * Tries a merge again at once, up to three times, when the database rolled it back because of other transactions
 * (deadlock, serialization failure): nothing is broken then, and the next try usually works.
 */
async function retryConflicts<Result>(merge: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await merge();
    } catch (error) {
      const isLast = attempt === working.conflictTries;
      if (isLast || classifyFault(error).kind !== "conflict") throw error;
      // Random, so that two transactions that collided do not collide again.
      await delay(Math.random() * working.conflictWaitMs * attempt);
    }
  }
}
