import type { BatchOutcome, LaneName, Observe, ReleaseCause } from "@centralcloud/service";
import type PQueue from "p-queue";
import type { ClaimClient } from "../client/claim-client.ts";
import type { ClaimedMessage } from "../client/message.ts";
import { checkAll } from "./check-all.ts";
import type { Gate } from "./gate.ts";
import type { AcceptedMessage, LaneHandler } from "./handler.ts";
import { isolate } from "./isolate.ts";
import { type Lease, StaleLeaseError } from "./lease.ts";
import type { MergeWindow } from "./merge-window.ts";
import type { ReadTurns } from "./read-turns.ts";
import type { RefusalRate } from "./refusal-rate.ts";
import { retryConflicts } from "./retry-conflicts.ts";
import { type Failure, type Letter, Settlement, StoreFault } from "./settlement.ts";

export interface BatchContext {
  readonly name: LaneName;
  /** By which observations know the batch. */
  readonly number: number;
  readonly handler: LaneHandler;
  readonly claims: ClaimClient;
  readonly observe: Observe;
  readonly consumer: string | null;
  readonly maxDeliveries: number;
  readonly maxAttempts: number;
  readonly lease: Lease;
  /** Of the lane. */
  readonly refusalRate: RefusalRate;
  readonly gate: Gate;
  /** Where batches wait for their turn at the store, and then at their source. */
  readonly merging: PQueue;
  readonly settling: PQueue;
  /** Of the lane. */
  readonly mergeWindow: MergeWindow;
  readonly turns: ReadTurns;
  readonly stopping: AbortSignal;
}

/** What is to become of a batch's messages. */
interface Verdicts {
  readonly merged: readonly ClaimedMessage[];
  readonly failures: readonly Failure[];
  readonly letters: readonly Letter[];
}

/** The messages of one read, on their way: known already? → check → merge → settle. */
export class Batch {
  readonly #context: BatchContext;
  readonly #settlement: Settlement;
  readonly #count: number;
  /** When the messages' ages were told. */
  readonly #readAt = performance.now();

  constructor(messages: readonly ClaimedMessage[], context: BatchContext) {
    this.#context = context;
    this.#count = messages.length;
    this.#settlement = new Settlement(messages, { ...context, store: context.handler.store });
  }

  /** Those that the lease must be held for. */
  get undecided(): readonly ClaimedMessage[] {
    return this.#settlement.undecided;
  }

  /**
   * What a database refuses to do now is left to the gate: the messages go back to their queue, now or
   * when their lease ends. Rejects only where this code has a mistake; then, too, the lease ends.
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
      await this.#settlement.release(this.undecided, "fault");
    } finally {
      await lease.end();
      const ms = performance.now() - startedAt;
      observe({ event: "batch-finished", ...name, batch, count: this.#count, outcome, ms });
    }
  }

  async #process(): Promise<BatchOutcome> {
    const { merging, settling } = this.#context;
    const verdicts = await merging.add(() => this.#judge());
    if (typeof verdicts === "string") {
      await this.#settlement.release(this.undecided, verdicts);
      return verdicts;
    }
    // The next batch is merged meanwhile.
    await settling.add(() => this.#settle(verdicts));
    return "settled";
  }

  /** Or why they are given back instead. */
  async #judge(): Promise<Verdicts | "shutdown" | "fault"> {
    const { stopping, gate, turns } = this.#context;
    if (stopping.aborted) return "shutdown";
    // After a fault, the batch that was read ahead would only meet it again.
    if (gate.isOpen) return "fault";
    const known = await this.#lookUpRedelivered();
    const readyAt = performance.now();
    const checks = await this.#check(known.fresh);
    const checkedAt = performance.now();
    // After an abandonment nothing of this is ours any more.
    const { merged, refused, failures } = await this.#merge(this.#settlement.ours(checks.accepted));
    turns.learn(checkedAt - readyAt, performance.now() - checkedAt);
    return {
      merged: [...known.merged, ...merged],
      failures: [...checks.failures, ...failures],
      letters: [...known.letters, ...checks.letters, ...refused],
    };
  }

  async #settle({ merged, failures, letters }: Verdicts): Promise<void> {
    await this.#settlement.archive(merged);
    const failed = await this.#settlement.recordFailures(failures);
    await this.#settlement.deadLetter([...letters, ...failed]);
    // Those that the check did not come to before the lane was to stop.
    await this.#settlement.release(this.undecided, "shutdown");
  }

  /** Gives back those that are better read again without the others, before anything is done. */
  async setApart(messages: readonly ClaimedMessage[], why: ReleaseCause): Promise<void> {
    await this.#settlement.release(messages, why);
  }

  /** Gives everything back that is not settled, whatever is under way; tried once. */
  async abandon(why: ReleaseCause): Promise<void> {
    this.#context.lease.revoke();
    await this.#settlement.release(this.undecided, why);
  }

  /**
   * A message over the delivery limit may have been merged before it was lost, and one from the archive
   * was, unless the store is a new one: such a one is not given up or merged, but archived.
   */
  async #lookUpRedelivered() {
    const { name, handler, maxDeliveries, observe } = this.#context;
    const isOver = ({ readCount }: ClaimedMessage) => readCount > maxDeliveries;
    const all = this.undecided;
    const doubtful = all.filter((message) => message.fromArchive || isOver(message));
    if (doubtful.length === 0) return { fresh: all, merged: [], letters: [] };
    const records = await this.#settlement.inStore(() => handler.store.lookUp(doubtful));
    const merged = doubtful.filter((_, index) => records[index]?.merged === true);
    const letters = doubtful.flatMap((message, index): Letter[] => {
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
    const settled = new Set([...merged, ...letters.map(({ message }) => message)]);
    return { fresh: all.filter((message) => !settled.has(message)), merged, letters };
  }

  async #check(messages: readonly ClaimedMessage[]) {
    const { name, handler, observe, number: batch, stopping } = this.#context;
    const startedAt = performance.now();
    const accepted: AcceptedMessage[] = [];
    const letters: Letter[] = [];
    const failures: Failure[] = [];
    const verdicts = await checkAll(messages, handler, stopping);
    for (const [place, message] of messages.entries()) {
      const verdict = verdicts[place];
      if (verdict === undefined) continue;
      if (verdict instanceof Error) {
        failures.push({ message, code: "check-failed", error: verdict.message });
      } else if (verdict.accepted) {
        const { msgId, enqueuedAt } = message;
        accepted.push({ msgId, enqueuedAt, document: verdict.document, message });
      } else letters.push({ message, refusal: verdict.refusal });
    }
    const count = accepted.length + letters.length + failures.length;
    const ms = performance.now() - startedAt;
    const refused = letters.length;
    if (count > 0) observe({ event: "batch-checked", ...name, batch, count, refused, ms });
    return { accepted, letters, failures };
  }

  async #merge(accepted: readonly AcceptedMessage[]) {
    const { name, number, handler, observe, lease, refusalRate, mergeWindow } = this.#context;
    if (accepted.length === 0) return { merged: [], refused: [], failures: [] };
    const startedAt = performance.now();
    let isFirst = true;
    const merge = (group: readonly AcceptedMessage[]) => {
      const attempt = () =>
        retryConflicts(() => handler.store.merge(group, () => lease.assertHeld()));
      if (!isFirst) return attempt();
      isFirst = false;
      return mergeWindow.try(number, attempt);
    };
    const { merged, duplicates, settled, culprits } = await this.#settlement.inStore(() =>
      isolate(accepted, merge, refusalRate),
    );
    const ms = performance.now() - startedAt;
    const inStore = settled.map(({ message }) => message);
    if (inStore.length > 0) {
      const latenciesMs = this.#latenciesOf(inStore);
      observe({
        event: "batch-merged",
        ...name,
        batch: number,
        merged,
        duplicates,
        ms,
        latenciesMs,
      });
    }
    const refused: Letter[] = [];
    const failures: Failure[] = [];
    for (const { message: culprit, fault } of culprits) {
      const { message } = culprit;
      const { owner, code, message: text } = fault;
      if (owner === "unknown") failures.push({ message, code, error: text });
      else
        refused.push({ message, refusal: { reason: "rejected", error: { code, message: text } } });
    }
    return { merged: inStore, refused, failures };
  }

  /** From the sending to now. What comes from the archive was sent long ago, and did not wait for us. */
  #latenciesOf(messages: readonly ClaimedMessage[]): readonly number[] {
    const sinceReadMs = performance.now() - this.#readAt;
    const latenciesMs: number[] = [];
    for (const { ageMs, fromArchive } of messages) {
      if (!fromArchive) latenciesMs.push(ageMs + sinceReadMs);
    }
    return latenciesMs;
  }
}
