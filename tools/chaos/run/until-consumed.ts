import { queueNames } from "@centralcloud/contracts";
import { pause } from "@centralcloud/service";
import type { SourceDatabase } from "../servers/prepare-databases.ts";
import type { Stage } from "./stage.ts";

const pollMs = 200;
const narrateEveryMs = 10_000;

/** A consumer that does not even start would do so for ever. */
const mostUnexpectedEnds = 20;

/**
 * Waits until every queue is empty. Gives up when nothing has left them for as long as the plan allows.
 *
 * @returns what is left, in words; empty when all is consumed.
 */
export async function untilConsumed(stage: Stage): Promise<string[]> {
  const { databases, plan, replicas, signal, narrate } = stage;
  let fewest = Number.POSITIVE_INFINITY;
  let lastProgressAt = performance.now();
  let narratedAt = performance.now();
  while (!signal.aborted) {
    const waiting = await Promise.all(databases.sources.map(countWaiting));
    const total = waiting.reduce((sum, count) => sum + count, 0);
    if (total === 0) return [];
    const now = performance.now();
    if (total < fewest) {
      fewest = total;
      lastProgressAt = now;
    }
    const ends = replicas.reduce((sum, { unexpectedEnds }) => sum + unexpectedEnds.length, 0);
    if (now - lastProgressAt > plan.noProgressMs || ends > mostUnexpectedEnds) break;
    if (now - narratedAt > narrateEveryMs) {
      narratedAt = now;
      narrate(`${total} messages wait, the first: ${(await describeRest(stage))[0]}`);
    }
    await pause(pollMs, signal);
  }
  return await describeRest(stage);
}

async function countWaiting({ database }: SourceDatabase): Promise<number> {
  const counts = queueNames.map((queue) => `(select count(*) from pgmq."q_${queue}")`);
  const [row] = await database.queryUntilAnswered<{ waiting: string }>(
    `select ${counts.join(" + ")} as waiting`,
  );
  return Number(row?.waiting);
}

const mostListed = 10;

interface Rest {
  readonly number: string | null;
  readonly msg_id: string;
  readonly deliveries: number;
  readonly hidden_for: string;
}

async function describeRest({ databases }: Stage): Promise<string[]> {
  return (await Promise.all(databases.sources.map(describeRestOf))).flat();
}

async function describeRestOf({ database }: SourceDatabase): Promise<string[]> {
  const lines: string[] = [];
  for (const queue of queueNames) {
    const rows = await database.queryUntilAnswered<Rest>(
      `select headers ->> 'chaos' as number, msg_id::text, read_ct as deliveries,
              greatest(0, extract(epoch from vt - clock_timestamp()))::numeric(10, 1)::text as hidden_for
         from pgmq."q_${queue}" order by msg_id`,
    );
    for (const { number, msg_id, deliveries, hidden_for } of rows.slice(0, mostListed)) {
      lines.push(
        `${database.server.name}, ${queue}: message ${number} (msg_id ${msg_id}) was read ${deliveries} times and is hidden for another ${hidden_for} s`,
      );
    }
    if (rows.length > mostListed) {
      lines.push(`${database.server.name}, ${queue}: and ${rows.length - mostListed} more`);
    }
  }
  return lines;
}
