import { classifyFault, type Fault } from "@centralcloud/postgres";
import type { ClaimedMessage } from "@centralcloud/queue";
import type { MergeResult } from "./handler.ts";
import { StaleLeaseError } from "./lease.ts";
import { isolating } from "./tuning.ts";

/*
 * How one bad message is kept from harming the other messages of its batch. There are two kinds: a rejected message,
 * for which the store refuses the whole merge, and a poison message, which ends the process that works on it.
 */

export interface Isolated<Message> extends MergeResult {
  /** In the store now, by this merge or by an earlier one. */
  readonly inStore: readonly Message[];
  /** Refused alone, each with its own fault, whose owner is `message` or `unknown`. */
  readonly rejected: readonly { readonly message: Message; readonly fault: Fault }[];
}

/**
 * Merges a batch although the store may refuse some of its messages: finds those, and merges all others.
 *
 * A group that is refused contains a rejected message, which halving finds in log₂ of the group's size merges. The
 * messages before it are merged on the way, those behind it return to the rest. Then the rest is tried; from the second
 * rejected message on in groups so small that they are likely to pass, by the rate of refusals so far. One rejected
 * message in 500 costs about a dozen merges; where every message is refused, it is little more than one merge each.
 *
 * @param merge merges all of the given messages or none; called with at least one.
 * @param rate what earlier batches of the lane have shown; learns from this one.
 * @throws the error of a fault that no message caused, and {@link StaleLeaseError}, at once. Messages that were merged
 *   until then are duplicates when they are delivered again.
 */
export async function isolate<Message>(
  messages: readonly Message[],
  merge: (group: readonly Message[]) => Promise<MergeResult>,
  rate = new RefusalRate(),
): Promise<Isolated<Message>> {
  const inStore: Message[] = [];
  const rejected: { message: Message; fault: Fault }[] = [];
  let merged = 0;
  let duplicates = 0;

  async function refusalOf(group: readonly Message[]): Promise<Fault | undefined> {
    try {
      const result = await merge(group);
      merged += result.merged;
      duplicates += result.duplicates;
      inStore.push(...group);
      return undefined;
    } catch (error) {
      const fault = classifyFault(error);
      if (fault.owner === "nobody" || error instanceof StaleLeaseError) throw error;
      return fault;
    }
  }

  /** Finds the first rejected message of a refused group, merges those before it, and returns those behind it. */
  async function findRejected(
    refused: readonly Message[],
    refusal: Fault,
  ): Promise<readonly Message[]> {
    let group = refused;
    let fault = refusal;
    /** Whether `fault` is the store's answer to exactly this group. */
    let asked = true;
    let behind: readonly Message[] = [];
    while (group.length > 1) {
      const middle = group.length >>> 1;
      const first = group.slice(0, middle);
      const refusalOfFirst = await refusalOf(first);
      if (refusalOfFirst === undefined) {
        group = group.slice(middle);
        asked = false;
      } else {
        behind = [...group.slice(middle), ...behind];
        group = first;
        fault = refusalOfFirst;
        asked = true;
      }
    }
    for (const message of group) {
      const own = asked ? fault : await refusalOf([message]);
      if (own !== undefined) rejected.push({ message, fault: own });
    }
    return behind;
  }

  let rest = messages;
  while (rest.length > 0) {
    const decided = inStore.length + rejected.length;
    const size = rate.groupSize(decided, rejected.length, rest.length);
    const group = rest.slice(0, size);
    const refusal = await refusalOf(group);
    const behind = refusal === undefined ? [] : await findRejected(group, refusal);
    rest = [...behind, ...rest.slice(size)];
  }
  rate.learn(messages.length, rejected.length);
  return { merged, duplicates, inStore, rejected };
}

/**
 * How many of a lane's messages its store refuses, learnt from batch to batch. Where refusals are usual, a whole batch
 * is sure to be refused, so smaller groups, which are likely to pass, are tried from the start.
 */
export class RefusalRate {
  /** Each batch counts half as much as the one after it. */
  #seen = 0;
  #refused = 0;

  /**
   * How many messages to merge at a time, from 1 to `rest`.
   *
   * @param decided messages of this batch that were merged or refused so far,
   * @param refused and how many of them were refused.
   * @param rest messages of this batch that are still to be decided.
   */
  groupSize(decided: number, refused: number, rest: number): number {
    // One rejected message is likely to be the only one.
    if (this.#refused === 0 && refused < 2) return rest;
    const share = this.#refused === 0 ? 0 : Math.min(1, isolating.rateMemory / this.#seen);
    const rate = (this.#refused * share + refused) / (this.#seen * share + decided);
    return Math.max(1, Math.min(rest, Math.round(isolating.refusalsPerGroup / rate)));
  }

  /** Adds a batch. A few batches without a refusal, and the earlier ones are forgotten. */
  learn(decided: number, refused: number): void {
    this.#seen = this.#seen / 2 + decided;
    this.#refused = this.#refused / 2 + refused;
    if (this.#refused < 0.5) this.#refused = 0;
  }
}

/** A batch, divided where some of its messages are poison suspects. */
export interface Separated {
  /** Whether the kept messages may end the process; then no other batch should be in work beside them. */
  readonly mayBePoison: boolean;
  readonly kept: readonly ClaimedMessage[];
  /** To be released, and read again without the kept ones. */
  readonly apart: readonly ClaimedMessage[];
}

/**
 * Keeps a poison message, one that ends its process, from dead-lettering the other messages of its batch with it. Only
 * crashes leave a message with more than a few deliveries, since each release takes its delivery off the count. So the
 * more often messages were lost in crashes, the fewer of them stay together: half of a batch after the third delivery,
 * a quarter after the fourth, and always one before the limit is reached. The poison message is soon alone, and at last
 * over the limit.
 *
 * @param batchSize messages of a usual read.
 * @param maxDeliveries the limit; with a limit of 1 nothing is separated.
 */
export function separatePoisonSuspects(
  messages: readonly ClaimedMessage[],
  batchSize: number,
  maxDeliveries: number,
): Separated {
  const usual = Math.min(isolating.usualDeliveries, maxDeliveries - 1);
  // A message over the limit is never checked or merged again, so it can't end the process.
  const isOver = ({ readCount }: ClaimedMessage) => readCount > maxDeliveries;
  const poisonSuspects = messages.filter((one) => one.readCount > usual && !isOver(one));
  if (poisonSuspects.length === 0 || maxDeliveries === 1) {
    return { mayBePoison: false, kept: messages, apart: [] };
  }
  const losses = Math.max(...poisonSuspects.map(({ readCount }) => readCount)) - usual;
  const halvings = losses * Math.max(1, Math.log2(batchSize) / (maxDeliveries - usual));
  const size = Math.max(1, Math.floor(batchSize / 2 ** Math.min(halvings, 30)));
  const kept = new Set([...poisonSuspects.slice(0, size), ...messages.filter(isOver)]);
  const apart = messages.filter((message) => !kept.has(message));
  return { mayBePoison: true, kept: [...kept], apart };
}
