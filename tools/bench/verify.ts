import { isDeepStrictEqual } from "node:util";
import type { Pool } from "pg";
import { type Backlog, type Content, queue } from "./backlog.ts";

/** A run lost a message, or made its effect twice, or left it behind: its figures are void. */
class WrongResultError extends Error {
  readonly code = "wrong_result";
  constructor(what: string, expected: unknown, found: unknown) {
    super(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
    this.name = "WrongResultError";
  }
}

/** @throws {WrongResultError} */
export function assertResult(what: string, expected: unknown, found: unknown): void {
  if (!isDeepStrictEqual(expected, found)) throw new WrongResultError(what, expected, found);
}

/**
 * Asserts that the central store holds the effect of each message exactly once, by every count that
 * it keeps of them.
 *
 * @param ledgerBefore rows that the ledger had before the run.
 * @param schema where its tables are.
 */
export async function assertMergedOnce(
  central: Pool,
  expected: Content,
  ledgerBefore = 0,
  schema: "central" | "frozen" = "central",
): Promise<void> {
  const { rows } = await central.query(
    `select (select count(*) - $1 from ${schema}.processed_messages)::text as ledger,
            p.*, a.*
       from (select count(*)::text as patterns, coalesce(sum(observation_count), 0)::text as observations,
                    coalesce(sum(agent_count), 0)::text as pattern_agents,
                    trim_scale(coalesce(sum(confidence_sum), 0))::text as confidence
               from ${schema}.patterns) p
      cross join (select count(*)::text as agents, coalesce(sum(observation_count), 0)::text as by_agents
               from ${schema}.pattern_agents) a`,
    [ledgerBefore],
  );
  const { messages, patterns, agents, confidence } = expected;
  const content = {
    ledger: messages,
    patterns,
    observations: messages,
    pattern_agents: agents,
    confidence,
    agents,
    by_agents: messages,
  };
  assertResult("the central store", content, { ...rows[0] });
}

/** Asserts that the queue is empty, and where its messages went. */
export async function assertSettled(
  source: Pool,
  { messages, poison }: Backlog,
  archivedBefore = 0,
): Promise<void> {
  const { rows } = await source.query(
    `select (select count(*) from pgmq."q_${queue}")::integer as queued,
            (select count(*) - $1 from pgmq."a_${queue}")::integer as archived,
            (select count(*) from pgmq."q_${queue}-dlq")::integer as dead`,
    [archivedBefore],
  );
  const dead = poison === undefined ? 0 : poisonIn(messages);
  assertResult("the queue", { queued: 0, archived: messages - dead, dead }, { ...rows[0] });
}

/** How many of so many messages are poison where there is any. */
export function poisonIn(messages: number): number {
  return Math.floor((messages + 50) / 100);
}
