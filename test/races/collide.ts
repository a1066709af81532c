import type { Pool } from "pg";
import { expect } from "vitest";
import { endedOrBlocked } from "../support/blocked.ts";
import { processOf } from "../support/single-connection.ts";

/** A statement, or what a program of ours does over one connection. */
export type Step = string | ((pool: Pool) => Promise<unknown>);

/** Two statements that share rows, and what is looked at once both have ended. */
export interface Pair {
  readonly name: string;
  /** Makes the rows that they share, from whatever was there. */
  readonly setup: Step;
  readonly first: Step;
  readonly second: Step;
  /** Tables whose rows they lock, read or change; each row is held in turn. */
  readonly tables: readonly string[];
  /** What must be the same as if one had run after the other; one row a fact, in order. */
  readonly content: string;
  /** Done afterwards, as it would be at the next run: what was skipped because it was locked is done then. */
  readonly afterwards?: Step;
}

export interface Outcome {
  readonly held: string;
  /** How each of the two stood while the row was held. */
  readonly met: readonly string[];
  readonly content: readonly string[];
}

interface Connections {
  readonly observer: Pool;
  readonly blocker: Pool;
  readonly first: Pool;
  readonly second: Pool;
}

function take(pool: Pool, step: Step): Promise<unknown> {
  return typeof step === "string" ? pool.query(step) : step(pool);
}

async function contentOf(pool: Pool, query: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ line: string }>(query);
  return rows.map(({ line }) => line);
}

/** What comes out when one runs after the other, in either order. */
async function serialOutcomes(
  { observer }: Connections,
  { setup, first, second, afterwards = "", content }: Pair,
): Promise<readonly (readonly string[])[]> {
  const outcomes: (readonly string[])[] = [];
  for (const [one, other] of [
    [first, second],
    [second, first],
  ]) {
    await take(observer, setup);
    await take(observer, one ?? "");
    await take(observer, other ?? "");
    await take(observer, afterwards);
    outcomes.push(await contentOf(observer, content));
  }
  return outcomes;
}

/**
 * Holds each row of the pair's tables in turn while both statements run, the first begun first: each comes to wait
 * for the row wherever it gets to it, with all that it has locked before; then the row is free. A deadlock, or any
 * other error, rejects.
 */
async function collide(connections: Connections, pair: Pair): Promise<readonly Outcome[]> {
  const { observer, blocker } = connections;
  const outcomes: Outcome[] = [];
  for (const table of pair.tables) {
    await take(observer, pair.setup);
    const { rows } = await observer.query<{ count: number }>(
      `select count(*)::integer as count from ${table}`,
    );
    for (let row = 0; row < (rows[0]?.count ?? 0); row += 1) {
      if (row > 0) await take(observer, pair.setup);
      await blocker.query("begin");
      // Whoever waits for it waits for its transaction.
      await blocker.query(
        `select from ${table} where ctid = (select ctid from ${table} order by ctid offset ${row} limit 1) for update`,
      );
      const running: Promise<unknown>[] = [];
      const met: string[] = [];
      try {
        for (const [pool, statement] of [
          [connections.first, pair.first] as const,
          [connections.second, pair.second] as const,
        ]) {
          const pid = await processOf(pool);
          const statementEnds = take(pool, statement);
          running.push(statementEnds);
          met.push(await endedOrBlocked(observer, pid, statementEnds));
        }
      } finally {
        await blocker.query("rollback");
        await Promise.allSettled(running);
      }
      await Promise.all(running);
      await take(observer, pair.afterwards ?? "");
      const content = await contentOf(observer, pair.content);
      outcomes.push({ held: `${table} ${row}`, met, content });
    }
  }
  return outcomes;
}

export function connectionsOf(
  observer: Pool,
  [blocker, first, second]: readonly Pool[],
): Connections {
  if (blocker === undefined || first === undefined || second === undefined)
    throw new Error("no connection");
  return { observer, blocker, first, second };
}

/**
 * Fails unless both statements, run at once with each row held in turn, leave what one after the other would have left.
 */
export async function expectSerial(connections: Connections, pair: Pair): Promise<void> {
  const serial = await serialOutcomes(connections, pair);
  const outcomes = await collide(connections, pair);
  const wrong = outcomes.filter(
    ({ content }) => !serial.some((one) => JSON.stringify(one) === JSON.stringify(content)),
  );
  expect(wrong, `one after the other: ${JSON.stringify(serial)}`).toEqual([]);
  // So that nothing is taken for a race that was none.
  expect(outcomes.length).toBeGreaterThan(0);
}
