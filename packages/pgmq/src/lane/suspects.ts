import type { ClaimedMessage } from "../client/message.ts";

/** Deliveries without a result that are nothing unusual: a replica was killed, or its lease ran out. */
const usual = 2;

export interface Separated {
  /** Whether the kept ones may kill the process, and should be alone in it. */
  readonly suspected: boolean;
  readonly kept: readonly ClaimedMessage[];
  /** To be given back, to be read again without those that are kept. */
  readonly apart: readonly ClaimedMessage[];
}

/**
 * Keeps a message that kills its process from taking its neighbours along. Only crashes leave a message
 * with more than a few deliveries, since every other way back takes the delivery off its count. So the
 * more often messages were lost, the fewer of them stay together: half of a batch after the third
 * delivery, a quarter after the fourth, and always one at a time before the limit is reached. The
 * culprit soon stands alone, and at last it is over the limit.
 *
 * @param batchSize how many messages are read at a time.
 * @param maxDeliveries the limit; with a limit of 1 nothing is separated.
 */
export function separateSuspects(
  messages: readonly ClaimedMessage[],
  batchSize: number,
  maxDeliveries: number,
): Separated {
  const unsuspected = Math.min(usual, maxDeliveries - 1);
  // A message over the limit is never checked or merged again, so it can't kill anything.
  const isOver = ({ readCount }: ClaimedMessage) => readCount > maxDeliveries;
  const suspects = messages.filter((one) => one.readCount > unsuspected && !isOver(one));
  if (suspects.length === 0 || maxDeliveries === 1) {
    return { suspected: false, kept: messages, apart: [] };
  }
  const losses = Math.max(...suspects.map(({ readCount }) => readCount)) - unsuspected;
  const halvings = losses * Math.max(1, Math.log2(batchSize) / (maxDeliveries - unsuspected));
  const size = Math.max(1, Math.floor(batchSize / 2 ** Math.min(halvings, 30)));
  const kept = new Set([...suspects.slice(0, size), ...messages.filter(isOver)]);
  const apart = messages.filter((message) => !kept.has(message));
  return { suspected: true, kept: [...kept], apart };
}
