import { classifyFault, type Fault } from "@centralcloud/postgres";
import {
  type ClaimedMessage,
  cleanText,
  type DeadLetter,
  type DeliveryAttempt,
  type MessageIdentity,
  type QueueClient,
  type Refusal,
} from "@centralcloud/queue";
import type { LaneName, Observe, ReleaseReason } from "@centralcloud/service";
import type { LaneBreakers } from "./breakers.ts";
import type { FailedAttempt, LaneStore, MergeResult } from "./handler.ts";
import { isolate } from "./isolation.ts";
import { type Lease, StaleLeaseError } from "./lease.ts";
import { isolating } from "./tuning.ts";

export interface SettlementContext {
  readonly name: LaneName;
  /** The batch's number in observations. */
  readonly number: number;
  readonly store: LaneStore;
  readonly queues: QueueClient;
  readonly observe: Observe;
  /** This replica's id in dead letters. */
  readonly consumer: string | null;
  readonly maxAttempts: number;
  readonly lease: Lease;
  readonly breakers: LaneBreakers;
  readonly stopping: AbortSignal;
}

/** A message that is to be dead-lettered; its failed attempts are looked up where they are not known yet. */
export interface PendingDeadLetter {
  readonly message: ClaimedMessage;
  readonly refusal: Refusal;
  readonly attempts?: readonly DeliveryAttempt[];
}

/** A failed attempt of a message that may be tried again. */
export interface Failure extends FailedAttempt {
  readonly message: ClaimedMessage;
}

interface Delay {
  readonly message: ClaimedMessage;
  readonly seconds: number;
}

/**
 * Settles the messages of one batch: archives, dead-letters or releases each. It knows which are undecided, that is,
 * need the lease until it is decided how to settle them.
 */
export class Settlement {
  readonly #context: SettlementContext;
  readonly #undecided: Map<string, ClaimedMessage>;

  constructor(messages: readonly ClaimedMessage[], context: SettlementContext) {
    this.#context = context;
    this.#undecided = new Map(messages.map((message) => [message.msgId, message]));
  }

  /** The messages that the lease must be extended for. */
  get undecided(): readonly ClaimedMessage[] {
    return [...this.#undecided.values()];
  }

  /** Those of the given messages that are still undecided. */
  undecidedOf<Message extends MessageIdentity>(messages: readonly Message[]): readonly Message[] {
    return messages.filter(({ msgId }) => this.#undecided.has(msgId));
  }

  /** Makes messages visible again now; this delivery is not counted, because they did not cause the release. */
  async release(messages: readonly ClaimedMessage[], reason: ReleaseReason): Promise<void> {
    const { name, queues, observe } = this.#context;
    if (messages.length === 0) return;
    this.#decided(messages);
    await this.#atSource(async () => {
      const count = await queues.release(name.queue, messages);
      if (count > 0) observe({ event: "messages-released", ...name, count, reason });
    });
  }

  /** Moves messages to the archive that were merged, now or before. */
  async archive(merged: readonly ClaimedMessage[]): Promise<void> {
    const { name, number: batch, queues, observe } = this.#context;
    if (merged.length === 0) return;
    this.#decided(merged);
    await this.#atSource(async () => {
      const startedAt = performance.now();
      const count = await queues.archive(name.queue, merged);
      const ms = performance.now() - startedAt;
      if (count > 0) observe({ event: "batch-archived", ...name, batch, count, ms });
    });
    await this.#forgetFailures(merged);
  }

  /**
   * Records a failed attempt each, and releases the messages with a delay.
   *
   * @returns the messages that have used up their attempts instead: to be dead-lettered.
   */
  async recordFailures(reported: readonly Failure[]): Promise<readonly PendingDeadLetter[]> {
    const { store, observe, name, maxAttempts } = this.#context;
    const failures = reported
      .filter(({ message }) => this.#undecided.has(message.msgId))
      .map((failure) => ({ ...failure, error: cleanText(failure.error) }));
    if (failures.length === 0) return [];
    const histories = await this.inStore(() => store.recordFailures(failures));
    const deadLetters: PendingDeadLetter[] = [];
    const delays: Delay[] = [];
    for (const [index, { message, code, error }] of failures.entries()) {
      const attempts = histories[index] ?? [];
      const attempt = attempts.length;
      if (attempt >= maxAttempts) {
        const refusal = { reason: "failed", error: { code, message: error } } as const;
        deadLetters.push({ message, refusal, attempts });
      } else {
        const seconds = retrySeconds(attempt);
        delays.push({ message, seconds });
        const { msgId } = message;
        const retryInMs = Math.round(seconds * 1000);
        observe({ event: "delivery-failed", ...name, msgId, attempt, code, error, retryInMs });
      }
    }
    await this.#releaseWithDelay(delays);
    return deadLetters;
  }

  async deadLetter(pending: readonly PendingDeadLetter[]): Promise<void> {
    const { name, queues, observe, consumer } = this.#context;
    const undecided = pending.filter(({ message }) => this.#undecided.has(message.msgId));
    if (undecided.length === 0) return;
    const complete = await this.#withAttempts(undecided);
    const moved: ClaimedMessage[] = [];
    const move = async (group: readonly DeadLetter[]) => {
      const movedNow = await queues.deadLetter(name.queue, group, consumer);
      const ids = new Map(movedNow.map(({ msgId, deadLetterId }) => [msgId, deadLetterId]));
      for (const { message, refusal } of group) {
        const { msgId } = message;
        const deadLetterId = ids.get(msgId);
        if (deadLetterId === undefined) continue;
        moved.push(message);
        const { reason, error } = refusal;
        const event = "message-dead-lettered";
        const { code, message: text } = error;
        observe({ event, ...name, msgId, deadLetterId, reason, code, error: text });
      }
      return { merged: 0, duplicates: 0 };
    };
    this.#decided(undecided.map(({ message }) => message));
    await this.#atSource(async () => {
      const refused = await moveAcceptable(complete, move);
      for (const { deadLetter, fault } of refused) {
        const { msgId } = deadLetter.message;
        const { code, message: error } = fault;
        observe({ event: "dead-letter-refused", ...name, msgId, code, error });
      }
      // Nothing counts how often a dead letter was refused, so its delay is always the same.
      const delays = refused.map(({ deadLetter: { message } }): Delay => {
        return { message, seconds: retrySeconds(isolating.refusedDeadLetterAttempts) };
      });
      await queues.releaseWithDelay(name.queue, delays);
    });
    await this.#forgetFailures(moved);
  }

  async #releaseWithDelay(delays: readonly Delay[]): Promise<void> {
    const { name, queues } = this.#context;
    this.#decided(delays.map(({ message }) => message));
    await this.#atSource(() => queues.releaseWithDelay(name.queue, delays));
  }

  /** Adds the failed attempts of each; only messages that were delivered before can have some. */
  async #withAttempts(pending: readonly PendingDeadLetter[]): Promise<readonly DeadLetter[]> {
    const { store } = this.#context;
    const unknown = pending.filter(
      ({ message, attempts }) => attempts === undefined && message.readCount > 1,
    );
    const messages = unknown.map(({ message }) => message);
    const records = messages.length > 0 ? await this.inStore(() => store.lookUp(messages)) : [];
    const found = new Map(messages.map(({ msgId }, index) => [msgId, records[index]?.attempts]));
    return pending.map(({ message, refusal, attempts }) => ({
      message,
      refusal,
      attempts: attempts ?? found.get(message.msgId) ?? [],
    }));
  }

  /** Only tidies up: attempts that stay behind after a fault are pruned later. */
  async #forgetFailures(messages: readonly ClaimedMessage[]): Promise<void> {
    const redelivered = messages.filter(({ readCount }) => readCount > 1);
    if (redelivered.length === 0) return;
    await this.#context.store
      .forgetFailures(redelivered)
      .catch((error: unknown) => this.#context.breakers.failed("central", error));
  }

  #decided(messages: readonly ClaimedMessage[]): void {
    for (const message of messages) this.#undecided.delete(message.msgId);
  }

  /** @throws {StoreFault} after a fault that no message caused has been reported to the breakers. */
  async inStore<Result>(action: () => Promise<Result>): Promise<Result> {
    const { breakers } = this.#context;
    try {
      const result = await action();
      breakers.succeeded("central");
      return result;
    } catch (error) {
      if (error instanceof StaleLeaseError) throw error;
      breakers.failed("central", error);
      throw new StoreFault(error);
    }
  }

  /**
   * Does something at the source, and again after each fault, until the lease ends or the lane stops. Then the messages
   * become visible when their visibility timeout ends, and the ledger knows which were merged.
   */
  async #atSource(action: () => Promise<unknown>): Promise<void> {
    const { breakers, stopping, lease } = this.#context;
    for (;;) {
      try {
        await action();
        breakers.succeeded("source");
        return;
      } catch (error) {
        breakers.failed("source", error);
      }
      if (!(await breakers.admitSource(stopping, lease.endsAt)) || stopping.aborted) return;
    }
  }
}

/** A fault of the central store, which the breakers know; the undecided messages are released. */
export class StoreFault extends Error {
  readonly code = "store_fault";
  constructor(cause: unknown) {
    super(classifyFault(cause).message, { cause });
    this.name = "StoreFault";
  }
}

/**
 * Moves messages to the dead-letter queue, and returns those that the source refuses. One that is too large must not
 * hold up the others. Where none can be moved (no dead-letter queue, or no right to it), they must not hold up the
 * messages that need not be dead-lettered.
 *
 * @throws the fault that keeps the source itself from working.
 */
async function moveAcceptable(
  deadLetters: readonly DeadLetter[],
  move: (group: readonly DeadLetter[]) => Promise<MergeResult>,
): Promise<readonly { readonly deadLetter: DeadLetter; readonly fault: Fault }[]> {
  try {
    const { rejected } = await isolate(deadLetters, move);
    return rejected.map(({ message, fault }) => ({ deadLetter: message, fault }));
  } catch (error) {
    const fault = classifyFault(error);
    if (fault.kind !== "not-migrated") throw error;
    return deadLetters.map((deadLetter) => ({ deadLetter, fault }));
  }
}

/**
 * Seconds until a failed message is tried again: exponential with full jitter, so that messages that failed together
 * are not tried again together. At most 1 s after the first attempt, then twice as much each time, up to five minutes.
 * (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)
 *
 * @param attempts failed so far, from 1.
 */
export function retrySeconds(attempts: number): number {
  const { firstRetryS, lastRetryS } = isolating;
  return Math.min(lastRetryS, firstRetryS * 2 ** Math.min(attempts - 1, 30)) * Math.random();
}
