import { centralContent } from "../support/central-content.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import type { TestSystem } from "../support/databases.ts";
import { patterns } from "../support/dead-letters.ts";
import { patternMessage } from "../support/messages.ts";

/** The text of a message of a pattern that has this name, seen by one agent. */
export function named(name: string, changes: Readonly<Record<string, unknown>> = {}): string {
  return patternMessage({ pattern: { name }, ...changes });
}

export async function send(system: TestSystem, ...bodies: readonly string[]): Promise<void> {
  await queuesOf(system).sendBatch(patterns, bodies);
}

/** How often the central store has counted each pattern that {@link named} made. */
export async function countedIn({ central }: TestSystem): Promise<Record<string, number>> {
  const { rows } = await central.pool.query<{ name: string; count: number }>(
    `select coalesce(pattern ->> 'name', pattern ->> 'type') as name, observation_count::integer as count
       from central.patterns order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

/** An analysis that the source has, and has not learned from. */
export async function analyse({ singularity }: TestSystem, name: string): Promise<void> {
  await singularity.pool.query(
    `insert into analysis_results (agent_id, result, confidence, learned)
     values ('agent-1', jsonb_build_object('type', $1::text), 0.95, false)`,
    [name],
  );
}

export async function learn({ singularity }: TestSystem): Promise<void> {
  await singularity.pool.query("select learn_patterns_from_analysis()");
}

/** One round of messages of all three queues, some of them about the same things as those of other rounds. */
export async function sendRound(system: TestSystem, round: number): Promise<void> {
  const bodies = Array.from({ length: 300 }, (_, number) =>
    named(`pattern-${(round * 100 + number) % 350}`, {
      agent_id: `agent-${number % 7}`,
      confidence: (number % 10) / 10,
    }),
  );
  await send(system, ...bodies);
  const queues = queuesOf(system);
  const at = `2025-10-25T10:00:0${round}Z`;
  for (const session of ["shared", `of round ${round}`]) {
    const body = { agent_id: "a", session_id: session, session_state: { round }, synced_at: at };
    await queues.send("agent-sessions", JSON.stringify(body));
  }
  const agents = [{ agent_id: "a", pattern_count: round, confidence: 0.5 }];
  const summary = { agents_updated: 1, total_patterns: round, updated_at: at, agents };
  await queues.send("agent-knowledge-updates", JSON.stringify(summary));
}

export async function drainRounds(
  system: TestSystem,
  ...rounds: readonly number[]
): Promise<Record<string, string[]>> {
  for (const round of rounds) {
    await sendRound(system, round);
    await drainAll(system);
  }
  return await centralContent(system.central.pool);
}
