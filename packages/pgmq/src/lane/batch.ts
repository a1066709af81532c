import { pause, type ReleaseCause } from "@centralcloud/service";
import type { ClaimedMessage, Refusal } from "../client/message.ts";
import type { Breaker } from "./breaker.ts";
import type { AcceptedMessage, Verdict } from "./handler.ts";
import type { LaneOptions } from "./lane-options.ts";
import { mergeInHalves } from "./merge-in-halves.ts";

export interface BatchContext extends Pick<LaneOptions, "name" | "handler" | "source" | "observe"> {
  readonly maxDeliveries: number;
  /** On the monotonic clock of `performance.now()`. */
  readonly leaseEndsAt: number;
  readonly breaker: Breaker;
  readonly stopping: AbortSignal;
}

/** The messages are not ours any more: the visibility timeout ended before the merge. */
export class StaleLeaseError extends Error {
  readonly code = "stale_lease";
  readonly lateMs: number;
  constructor(lateMs: number) {
    super(`the lease ended ${Math.round(lateMs)} ms before the merge`);
    this.name = "StaleLeaseError";
    this.lateMs = lateMs;
  }
}

interface Letter {
  readonly message: ClaimedMessage;
  readonly refusal: Refusal;
}

/** The messages of one read, on their way: check → merge → settle. */
export class Batch {
  readonly #messages: readonly ClaimedMessage[];
  readonly #context: BatchContext;
  /** Those whose fate is not decided yet, and which are therefore still ours. */
  readonly #undecided: Map<string, ClaimedMessage>;

  constructor(messages: readonly ClaimedMessage[], context: BatchContext) {
    this.#messages = messages;
    this.#context = context;
    this.#undecided = new Map(messages.map((message) => [message.msgId, message]));
  }

  /** Never rejects: what could not be decided goes back to its queue, now or when its lease ends. */
  async process(): Promise<void> {
    if (this.#context.stopping.aborted) return await this.#release(this.#messages, "shutdown");
    // After a fault, the batch that was read ahead would only meet it again.
    if (this.#context.breaker.waitMs() > 0) return await this.#release(this.#messages, "fault");
    const { accepted, letters, withheld, late, undecided } = await this.#check();
    await this.#release(withheld, "memory-budget");
    await this.#release(late, this.#context.stopping.aborted ? "shutdown" : "time-budget");
    await this.#retryLater(undecided);
    const merge = await this.#merge(accepted);
    if (merge === undefined) {
      await this.#settle([], letters);
      return await this.#release(accepted, "fault");
    }
    await this.#settle(merge.settled, [...letters, ...merge.refused]);
    await this.#retryLater(merge.undecided.map(({ message }) => message));
  }

  /** Gives everything back that is not settled, because there is no more time to wait for it. */
  async abandon(): Promise<void> {
    await this.#release([...this.#undecided.values()], "shutdown");
  }

  async #check() {
    const accepted: AcceptedMessage[] = [];
    const letters: Letter[] = [];
    const withheld: ClaimedMessage[] = [];
    const late: ClaimedMessage[] = [];
    const undecided: ClaimedMessage[] = [];
    // Opening seals takes time. Half of what is left of the lease belongs to the merge.
    const checkUntil = (performance.now() + this.#context.leaseEndsAt) / 2;
    for (const [index, message] of this.#messages.entries()) {
      const timeUp = index > 0 && performance.now() > checkUntil;
      if (message.withheld === "memory-budget") {
        withheld.push(message);
      } else if (timeUp || this.#context.stopping.aborted) {
        late.push(message);
      } else {
        const verdict = this.#judgeUnread(message) ?? (await this.#judge(message));
        if (verdict === undefined) undecided.push(message);
        else if (verdict.accepted) accepted.push({ ...message, document: verdict.document });
        else letters.push({ message, refusal: verdict.refusal });
      }
    }
    return { accepted, letters, withheld, late, undecided };
  }

  /** Undefined where the check could not be made: its thread died, perhaps of this very message. */
  async #judge(message: ClaimedMessage): Promise<Verdict | undefined> {
    try {
      return await this.#context.handler.check(message.body);
    } catch {
      return undefined;
    }
  }

  /** What can be said without the content. A message that kills the process is caught here. */
  #judgeUnread(message: ClaimedMessage): Verdict | undefined {
    if (message.readCount > this.#context.maxDeliveries) {
      return refuse(
        "delivery-limit",
        `it was delivered ${message.readCount} times without a result`,
      );
    }
    if (message.withheld === "too-large") {
      return refuse("too-large", `it has ${message.bytes} bytes, more than is allowed`);
    }
    return undefined;
  }

  async #merge(accepted: readonly AcceptedMessage[]) {
    const { name, handler, observe, breaker } = this.#context;
    const startedAt = performance.now();
    try {
      const merge = await mergeInHalves(accepted, handler, () => this.#assertLease());
      if (accepted.length > 0) breaker.succeeded("central");
      const { merged, duplicates } = merge;
      const ms = performance.now() - startedAt;
      if (merged + duplicates > 0)
        observe({ event: "batch-merged", ...name, merged, duplicates, ms });
      return merge;
    } catch (error) {
      if (error instanceof StaleLeaseError) {
        observe({ event: "lease-lost", ...name, count: accepted.length, lateMs: error.lateMs });
      } else {
        breaker.failed("central", error);
      }
      return undefined;
    }
  }

  #assertLease(): void {
    const lateMs = performance.now() - this.#context.leaseEndsAt;
    if (lateMs >= 0) throw new StaleLeaseError(lateMs);
  }

  /** Archives what is in the central store, and dead-letters what never can be. */
  async #settle(merged: readonly AcceptedMessage[], letters: readonly Letter[]): Promise<void> {
    const { name, source, observe } = this.#context;
    this.#decided(merged);
    this.#decided(letters.map(({ message }) => message));
    await this.#withSource(async () => {
      const startedAt = performance.now();
      const count = await source.archive(name.queue, merged);
      const ms = performance.now() - startedAt;
      if (count > 0) observe({ event: "batch-archived", ...name, count, ms });
    });
    await this.#withSource(async () => {
      const moved = new Set(await source.deadLetter(name.queue, letters));
      for (const { message, refusal } of letters) {
        if (!moved.has(message.msgId)) continue;
        const { reason, error } = refusal;
        const { code, message: text } = error;
        const event = "message-dead-lettered";
        observe({ event, ...name, msgId: message.msgId, reason, code, error: text });
      }
    });
  }

  /** An error that does not tell whose fault it is: again, later, and at last over the delivery limit. */
  async #retryLater(messages: readonly ClaimedMessage[]): Promise<void> {
    for (const message of messages) {
      const seconds = Math.min(300, 2 ** message.readCount) * Math.random();
      await this.#release([message], "retry", seconds);
    }
  }

  /** Except for a retry, this delivery is not counted: it was no fault of the messages. */
  async #release(messages: readonly ClaimedMessage[], why: ReleaseCause, seconds = 0) {
    const { name, source, observe } = this.#context;
    if (messages.length === 0) return;
    this.#decided(messages);
    await this.#withSource(async () => {
      const count =
        why === "retry"
          ? await source.setVt(name.queue, messages, seconds)
          : await source.giveBack(name.queue, messages);
      if (count > 0) observe({ event: "messages-released", ...name, count, why });
    });
  }

  #decided(messages: readonly ClaimedMessage[]): void {
    for (const message of messages) this.#undecided.delete(message.msgId);
  }

  /**
   * Does something at the source, and again after each fault for as long as the lease lasts. After
   * that, and when stopping, the messages come back by themselves; the ledger knows what was merged.
   */
  async #withSource(action: () => Promise<void>): Promise<void> {
    const { breaker, stopping, leaseEndsAt } = this.#context;
    for (;;) {
      try {
        await action();
        breaker.succeeded("source");
        return;
      } catch (error) {
        breaker.failed("source", error);
      }
      const waitMs = breaker.waitMs();
      if (stopping.aborted || performance.now() + waitMs >= leaseEndsAt) return;
      await pause(waitMs, stopping);
    }
  }
}

function refuse(code: "delivery-limit" | "too-large", message: string): Verdict {
  return { accepted: false, refusal: { reason: code, error: { code, message } } };
}
