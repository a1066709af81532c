import { ulid } from "ulid";

/** What a simulated agent found out. */
export interface Finding {
  readonly agentId: string;
  /** A JSON object as text. */
  readonly result: string;
  /** From 0 to 1, as text: what was written is what arrives. */
  readonly confidence: string;
}

export const agentIds = [1, 2, 3, 4, 5].map((number) => `agent-${number}`);

const types = ["retry", "timeout", "cache", "batch", "index", "rate-limit", "fallback", "prefetch"];
const targets = ["checkout", "search", "inventory", "billing", "notifications"];

/** Forty in all, so that agents keep finding what others found before, and counts grow. */
const patterns = types.flatMap((type) => targets.map((target) => JSON.stringify({ type, target })));

/** What the agents found in one tick: each comes back with something more often than not. */
export function findings(): readonly Finding[] {
  return agentIds
    .filter(() => Math.random() < 0.6)
    .map((agentId) => ({
      agentId,
      result: pick(patterns),
      confidence: (0.6 + Math.random() * 0.4).toFixed(2),
    }));
}

/** What an agent's session holds after so many ticks, as JSON text. */
export function sessionState(tick: number): string {
  return JSON.stringify({ step: tick, goal: pick(targets) });
}

/** The headers that our producers write. */
export function patternHeaders(): string {
  return JSON.stringify({ schema: "pattern/1", message_id: ulid() });
}

/** Breaks the contract in three ways, each of which its dead letter names. */
export function invalidPatternMessage(): string {
  return JSON.stringify({ agent_id: pick(agentIds), pattern: "not an object", confidence: 7 });
}

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}
