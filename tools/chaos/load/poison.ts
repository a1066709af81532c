import type { QueueName } from "@centralcloud/contracts";
import type { Marks } from "../queues/queue.ts";
import { chaosQueue } from "../queues.ts";
import type { Draft, Outcome } from "./message.ts";
import type { Random } from "./random.ts";
import type { Seals } from "./seals.ts";
import { writeObject } from "./values.ts";

export type Poison = Exclude<Outcome, "merged">;

/** How a message of each outcome is marked for the triggers in the central database, see faults/traps.ts. */
export const marks = {
  rejected: "chaos-reject",
  failed: "chaos-fail",
  "delivery-limit": "chaos-kill",
} as const;

export interface PoisonContext {
  readonly random: Random;
  readonly seals: Seals;
  readonly queue: QueueName;
  readonly number: number;
  /** What the consumer is told to take at most, in bytes. */
  readonly maxMessageBytes: number;
}

export function writePoison(outcome: Poison, context: PoisonContext): Draft {
  switch (outcome) {
    case "invalid":
      return writeInvalid(context);
    case "too-large":
      return writeTooLarge(context);
    case "unreadable":
      return writeUnreadable(context);
    default:
      return writeMarked(outcome, context);
  }
}

const patterns = "centralcloud-new-patterns";

function writeInvalid({ random, queue }: PoisonContext): Draft {
  const body = random.pick([...chaosQueue(queue).invalid, ...invalidEverywhere]);
  return { queue, body, outcome: "invalid", effect: undefined };
}

const invalidEverywhere = ["null", "[]", "17", '"no JSON inside"', '"\\"twice\\""', "{}"] as const;

/** Larger than allowed by at least half, so that no way of counting bytes decides otherwise. */
function writeTooLarge({ random, maxMessageBytes }: PoisonContext): Draft {
  const filling = "x".repeat(Math.ceil(maxMessageBytes * (1.5 + random.fraction())));
  const body = writeObject(random, [
    ["agent_id", '"agent-1"'],
    ["pattern", `{"filling":"${filling}"}`],
    ["learned_at", '"2025-10-25T10:00:00Z"'],
  ]);
  return { queue: patterns, body, outcome: "too-large", effect: undefined };
}

function writeUnreadable({ random, seals }: PoisonContext): Draft {
  const body = writeObject(random, [
    ["agent_id", '"agent-1"'],
    ["session_id", `"session-${random.integer(1, 300)}"`],
    ["sealed", seals.pickUnreadable(random)],
    // Newer than every other, so that it would be seen if it were merged.
    ["synced_at", '"2026-01-01T00:00:00Z"'],
  ]);
  return { queue: "agent-sessions", body, outcome: "unreadable", effect: undefined };
}

/**
 * Nothing is wrong with it but its agent, of whom the central database thinks otherwise. Agent and
 * session are its own: nothing newer in its batch may stand in for it.
 */
function writeMarked(outcome: keyof typeof marks, context: PoisonContext): Draft {
  const { random, seals, queue, number } = context;
  const own: Marks = { agentId: `${marks[outcome]}-${number}`, sessionId: `chaos-${number}` };
  const { document } = chaosQueue(queue).write({ random, seals, marks: own });
  return { queue, body: document, outcome, effect: undefined };
}
