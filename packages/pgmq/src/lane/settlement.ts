import { classifyFault, type Fault } from "@centralcloud/postgres";
import type { LaneName, Observe, ReleaseCause } from "@centralcloud/service";
import type { ClaimClient } from "../client/claim-client.ts";
import { cleanText } from "../client/clean-text.ts";
import type {
  ClaimedMessage,
  DeadLetter,
  DeliveryAttempt,
  MessageIdentity,
  Refusal,
} from "../client/message.ts";
import { backoffSeconds } from "./backoff.ts";
import type { Gate } from "./gate.ts";
import type { FailedAttempt, LaneStore, MergeResult } from "./handler.ts";
import { isolate } from "./isolate.ts";
import { type Lease, StaleLeaseError } from "./lease.ts";

export interface SettlementContext {
  readonly name: LaneName;
  /** By which observations know the batch. */
  readonly number: number;
  readonly store: LaneStore;
  readonly claims: ClaimClient;
  readonly observe: Observe;
  /** This replica's name in dead letters. */
  readonly consumer: string | null;
  readonly maxAttempts: number;
  readonly lease: Lease;
  readonly gate: Gate;
  readonly stopping: AbortSignal;
}

/** A message that goes to the dead-letter queue; its attempts are looked up where they are not known. */
export interface Letter {
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

/** Gives each message of a batch its fate, and knows which have none yet. */
export class Settlement {
  readonly #context: SettlementContext;
  readonly #undecided: Map<string, ClaimedMessage>;

  constructor(messages: readonly ClaimedMessage[], context: SettlementContext) {
    this.#context = context;
    this.#undecided = new Map(messages.map((message) => [message.msgId, message]));
  }

  /** Those that are still ours, and that the lease must be held for. */
  get undecided(): readonly ClaimedMessage[] {
    return [...this.#undecided.values()];
  }

  /** Makes messages visible again now; this delivery is not counted, because it was no fault of theirs. */
  async release(messages: readonly ClaimedMessage[], why: ReleaseCause): Promise<void> {
    const { name, claims, observe } = this.#context;
    if (messages.length === 0) return;
    this.#decided(messages);
    await this.#atSource(async () => {
      const count = await claims.giveBack(name.queue, messages);
      if (count > 0) observe({ event: "messages-released", ...name, count, why });
    });
  }

  /** Those of the given messages that are still ours. */
  ours<Message extends MessageIdentity>(messages: readonly Message[]): readonly Message[] {
    return messages.filter(({ msgId }) => this.#undecided.has(msgId));
  }

  /** Merged, now or before: to the archive. */
  async archive(merged: readonly ClaimedMessage[]): Promise<void> {
    const { name, number: batch, claims, observe } = this.#context;
    if (merged.length === 0) return;
    this.#decided(merged);
    await this.#atSource(async () => {
      const startedAt = performance.now();
      const count = await claims.archive(name.queue, merged);
      const ms = performance.now() - startedAt;
      if (count > 0) observe({ event: "batch-archived", ...name, batch, count, ms });
    });
    await this.#forgetFailures(merged);
  }

  /** An attempt each: again later, with backoff; returns those that have used up their attempts. */
  async recordFailures(reported: readonly Failure[]): Promise<readonly Letter[]> {
    const { store, observe, name, maxAttempts } = this.#context;
    const failures = reported
      .filter(({ message }) => this.#undecided.has(message.msgId))
      .map((failure) => ({ ...failure, error: cleanText(failure.error) }));
    if (failures.length === 0) return [];
    const histories = await this.inStore(() => store.recordFailures(failures));
    const letters: Letter[] = [];
    const delays: Delay[] = [];
    for (const [index, { message, code, error }] of failures.entries()) {
      const attempts = histories[index] ?? [];
      const attempt = attempts.length;
      if (attempt >= maxAttempts) {
        const refusal = { reason: "failed", error: { code, message: error } } as const;
        letters.push({ message, refusal, attempts });
      } else {
        const seconds = backoffSeconds(attempt);
        delays.push({ message, seconds });
        const { msgId } = message;
        const retryInMs = Math.round(seconds * 1000);
        observe({ event: "delivery-failed", ...name, msgId, attempt, code, error, retryInMs });
      }
    }
    await this.#retryLater(delays);
    return letters;
  }

  async deadLetter(letters: readonly Letter[]): Promise<void> {
    const { name, claims, observe, consumer } = this.#context;
    const ours = letters.filter(({ message }) => this.#undecided.has(message.msgId));
    if (ours.length === 0) return;
    const complete = await this.#withAttempts(ours);
    const moved: ClaimedMessage[] = [];
    const move = async (group: readonly DeadLetter[]) => {
      const letters = await claims.deadLetter(name.queue, group, consumer);
      const ids = new Map(letters.map(({ msgId, deadLetterId }) => [msgId, deadLetterId]));
      for (const { message, refusal } of group) {
        const { msgId } = message;
        const deadLetterId = ids.get(msgId);
        if (deadLetterId === undefined) continue;
        moved.push(message);
        const { reason, error } = refusal;
        const event = "message-dead-lettered";
        const { code, message: words } = error;
        observe({ event, ...name, msgId, deadLetterId, reason, code, error: words });
      }
      return { merged: 0, duplicates: 0 };
    };
    this.#decided(ours.map(({ message }) => message));
    await this.#atSource(async () => {
      const refusals = await refusalsOf(complete, move);
      for (const { letter, fault } of refusals) {
        const { msgId } = letter.message;
        const { code, message: error } = fault;
        observe({ event: "dead-letter-refused", ...name, msgId, code, error });
      }
      await claims.retryLater(
        name.queue,
        refusals.map(({ letter }) => laterThan(letter)),
      );
    });
    await this.#forgetFailures(moved);
  }

  async #retryLater(delays: readonly Delay[]): Promise<void> {
    const { name, claims } = this.#context;
    this.#decided(delays.map(({ message }) => message));
    await this.#atSource(() => claims.retryLater(name.queue, delays));
  }

  /** The history of each letter; only messages that were delivered before can have one. */
  async #withAttempts(letters: readonly Letter[]) {
    const { store } = this.#context;
    const unknown = letters.filter(
      ({ message, attempts }) => attempts === undefined && message.readCount > 1,
    );
    const messages = unknown.map(({ message }) => message);
    const records = messages.length > 0 ? await this.inStore(() => store.lookUp(messages)) : [];
    const found = new Map(messages.map(({ msgId }, index) => [msgId, records[index]?.attempts]));
    return letters.map(({ message, refusal, attempts }) => ({
      message,
      refusal,
      attempts: attempts ?? found.get(message.msgId) ?? [],
    }));
  }

  /** Only tidies up: what stays behind after a fault is pruned later. */
  async #forgetFailures(messages: readonly ClaimedMessage[]): Promise<void> {
    const redelivered = messages.filter(({ readCount }) => readCount > 1);
    if (redelivered.length === 0) return;
    await this.#context.store
      .forgetFailures(redelivered)
      .catch((error: unknown) => this.#context.gate.failed("central", error));
  }

  #decided(messages: readonly ClaimedMessage[]): void {
    for (const message of messages) this.#undecided.delete(message.msgId);
  }

  /** @throws {StoreFault} after a fault that is nobody's has been reported to the gate. */
  async inStore<Result>(action: () => Promise<Result>): Promise<Result> {
    const { gate } = this.#context;
    try {
      const result = await action();
      gate.succeeded("central");
      return result;
    } catch (error) {
      if (error instanceof StaleLeaseError) throw error;
      gate.failed("central", error);
      throw new StoreFault(error);
    }
  }

  /**
   * Does something at the source, and again after each fault for as long as the lease lasts. After
   * that, and when stopping, the messages come back by themselves; the ledger knows what was merged.
   */
  async #atSource(action: () => Promise<unknown>): Promise<void> {
    const { gate, stopping, lease } = this.#context;
    for (;;) {
      try {
        await action();
        gate.succeeded("source");
        return;
      } catch (error) {
        gate.failed("source", error);
      }
      if (!(await gate.admitSource(stopping, lease.endsAt)) || stopping.aborted) return;
    }
  }
}

/** A fault of the central store that the gate knows of; what is undecided goes back. */
export class StoreFault extends Error {
  readonly code = "store_fault";
  constructor(cause: unknown) {
    super(classifyFault(cause).message, { cause });
    this.name = "StoreFault";
  }
}

/**
 * Moves letters, and returns those that the source does not take: one that is too large must not hold up
 * the others, and where none can be taken (no dead-letter queue, no right to it) they must not hold up
 * the messages that need none.
 *
 * @throws what keeps the source itself from working.
 */
async function refusalsOf(
  letters: readonly DeadLetter[],
  move: (group: readonly DeadLetter[]) => Promise<MergeResult>,
): Promise<readonly { readonly letter: DeadLetter; readonly fault: Fault }[]> {
  try {
    const { culprits } = await isolate(letters, move);
    return culprits.map(({ message, fault }) => ({ letter: message, fault }));
  } catch (error) {
    const fault = classifyFault(error);
    if (fault.kind !== "not-migrated") throw error;
    return letters.map((letter) => ({ letter, fault }));
  }
}

/** Nobody counts how often a letter was refused; it is tried again after about half a minute. */
function laterThan({ message }: DeadLetter): Delay {
  return { message, seconds: backoffSeconds(7) };
}
