import { type QueueName, queueNames } from "@centralcloud/contracts";
import { chaosQueue } from "../queues.ts";
import type { Draft, LoadMessage } from "./message.ts";
import { type Poison, writePoison } from "./poison.ts";
import { Random } from "./random.ts";
import { prepareSeals, type Seals } from "./seals.ts";

export interface LoadOptions {
  readonly seed: number;
  readonly messages: number;
  readonly sources: number;
  readonly maxMessageBytes: number;
  /** How many of the messages are bad in another way than poison, from 0 to 1; but where there is any, every kind. */
  readonly badShare: number;
  /** How many messages end the process that merges them; each costs as many processes as deliveries are allowed. */
  readonly poisonMessages: number;
}

/** The messages of a run. Each follows from the seed and its number alone, so none has to be kept. */
export interface Load {
  readonly count: number;
  readonly seals: Seals;
  /** @param number from 0 to `count - 1` */
  message(number: number): LoadMessage;
}

/** How often each kind of bad message is dealt; poison messages are counted. */
const shares: readonly (readonly [outcome: Poison, share: number])[] = [
  ["invalid", 5],
  ["unreadable", 3],
  ["rejected", 3],
  ["failed", 2],
  ["too-large", 1],
];

export async function createLoad(options: LoadOptions): Promise<Load> {
  const { seed, messages, sources, maxMessageBytes } = options;
  const seals = await prepareSeals(seed);
  const bad = placeBadMessages(options);

  function draft(number: number): Draft {
    const random = new Random("message", seed, number);
    const queue = drawQueue(random);
    const outcome = bad.get(number);
    if (outcome !== undefined) {
      return writePoison(outcome, { random, seals, queue, number, maxMessageBytes });
    }
    // Somebody sends the same again: another message, which counts again.
    if (number > 0 && random.chance(0.03)) {
      const earlier = number - random.integer(1, Math.min(number, 50));
      if (!bad.has(earlier)) return draft(earlier);
    }
    return writeGood(random, seals, queue);
  }

  return {
    count: messages,
    seals,
    message: (number) => ({ ...draft(number), number, source: number % sources }),
  };
}

function writeGood(random: Random, seals: Seals, queue: QueueName): Draft {
  const { document, effect } = chaosQueue(queue).write({ random, seals, marks: {} });
  // Encoded twice, as some clients do.
  const body = random.chance(0.03) ? JSON.stringify(document) : document;
  return { queue, body, outcome: "merged", effect };
}

const allShares = queueNames.reduce((sum, queue) => sum + chaosQueue(queue).share, 0);

function drawQueue(random: Random): QueueName {
  let left = random.fraction() * allShares;
  const drawn = queueNames.find((queue) => {
    left -= chaosQueue(queue).share;
    return left < 0;
  });
  return drawn ?? "centralcloud-new-patterns";
}

/**
 * Which numbers are bad, and of which kind: every kind at least once. Poison messages come in the first
 * half, because the run can't end before each of them has had all its deliveries.
 */
function placeBadMessages(options: LoadOptions): ReadonlyMap<number, Poison> {
  const { seed, messages, badShare, poisonMessages } = options;
  const random = new Random("poison", seed);
  const deck = shares.flatMap(([outcome, share]) => Array.from({ length: share }, () => outcome));
  const count = badShare === 0 ? 0 : Math.max(deck.length, Math.round(messages * badShare));
  const placed = new Map<number, Poison>();
  for (let dealt = 0; dealt < poisonMessages; dealt++) {
    const spacing = messages / 2 / poisonMessages;
    placed.set(Math.floor((dealt + random.fraction()) * spacing), "delivery-limit");
  }
  let hand: Poison[] = [];
  while (placed.size < Math.min(messages, poisonMessages + count)) {
    if (hand.length === 0) hand = random.shuffle(deck);
    const number = random.integer(0, messages - 1);
    if (placed.has(number)) continue;
    placed.set(number, hand.pop() ?? "invalid");
  }
  return placed;
}
