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
export const patterns = types.flatMap((type) =>
  targets.map((target) => JSON.stringify({ type, target })),
);

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

/** A session as producers without sealing send it: the state is plain. */
export function sessionMessage(tick: number): string {
  const agentId = pick(agentIds);
  return JSON.stringify({
    agent_id: agentId,
    session_id: `demo-session-of-${agentId}`,
    session_state: { step: tick, goal: pick(targets) },
    confidence: 0.8,
    synced_at: new Date().toISOString(),
  });
}

export function knowledgeMessage(patternCounts: ReadonlyMap<string, number>): string {
  const agents = agentIds.map((agentId) => ({
    agent_id: agentId,
    pattern_count: patternCounts.get(agentId) ?? 0,
    confidence: 0.8,
  }));
  return JSON.stringify({
    agents_updated: agents.length,
    total_patterns: agents.reduce((sum, agent) => sum + agent.pattern_count, 0),
    updated_at: new Date().toISOString(),
    agents,
  });
}

/** Breaks the contract in three ways, each of which its dead letter names. */
export function invalidPatternMessage(): string {
  return JSON.stringify({ agent_id: pick(agentIds), pattern: "not an object", confidence: 7 });
}

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}
