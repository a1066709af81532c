import { QueueClient } from "@centralcloud/queue";
import type { Pool } from "pg";

/*
 * What agents wrote, the same in each run, but for the times.
 */

const agents = ["planner", "reviewer", "deployer", "refactorer", "tester", "triager"];
const types = ["retry", "timeout", "cache", "batch", "index", "rate-limit", "fallback", "prefetch"];
const targets = ["checkout", "search", "inventory", "billing", "notifications"];

const pick = <Item>(items: readonly Item[], number: number): Item =>
  items[number % items.length] as Item;

function pattern(number: number): Readonly<Record<string, unknown>> {
  return {
    agent_id: pick(agents, number * 7),
    pattern: { type: pick(types, number), target: pick(targets, number * 3 + (number >> 3)) },
    confidence: 0.6 + ((number * 13) % 40) / 100,
    learned_at: new Date().toISOString(),
    source: "singularity-learning",
  };
}

/** Each breaks the contract: most in one way, in one source. */
function invalidMessages(source: number): readonly string[] {
  const tooSure = Array.from({ length: source === 0 ? 38 : 3 }, (_, number) => ({
    ...pattern(number),
    confidence: 1 + ((number * 17) % 90) / 10,
    trace: { run: `run-${4_100 + number}`, tokens: 12_345_678_901_234 + number },
  }));
  const noPattern = Array.from({ length: source === 0 ? 2 : 9 }, (_, number) => ({
    ...pattern(number),
    pattern: pick(types, number),
    learned_at: "yesterday",
  }));
  return [...tooSure, ...noPattern].map((message) => JSON.stringify(message));
}

/** Puts into a source what its agents, tasks and queues have. */
export async function fillSource(pool: Pool, source: number): Promise<void> {
  const queues = new QueueClient(pool);
  const now = new Date().toISOString();
  for (let number = 0; number < 240; number++) {
    await queues.send("centralcloud-new-patterns", JSON.stringify(pattern(number + source * 11)));
  }
  for (const [number, agent] of agents.entries()) {
    const session = {
      agent_id: agent,
      session_id: `${agent}-session-${number + 1}`,
      session_state: { step: 12 + number, goal: pick(targets, number) },
      synced_at: now,
    };
    await queues.send("agent-sessions", JSON.stringify(session));
  }
  const knowledge = {
    agents_updated: agents.length,
    total_patterns: 214,
    updated_at: now,
    agents: agents.map((agent_id, number) => {
      return { agent_id, pattern_count: 20 + number * 9, confidence: 0.71 + number / 25 };
    }),
  };
  await queues.send("agent-knowledge-updates", JSON.stringify(knowledge));
  for (const message of invalidMessages(source)) {
    await queues.send("centralcloud-new-patterns", message);
  }
  await pool.query(
    `insert into public.agents (agent_id) select unnest($1::text[]) on conflict do nothing`,
    [agents],
  );
  await pool.query(
    `insert into public.agent_tasks (agent_id, status, duration_ms, created_at)
     select ($1::text[])[1 + n % $2], 'completed', 400 + (n * 37) % 900 + 250 * sin(n / 40.0),
            clock_timestamp() - make_interval(secs => n * 36)
       from generate_series(1, 600) n`,
    [agents, agents.length],
  );
}
