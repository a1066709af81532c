import { pause } from "@centralcloud/service";
import type { Pool } from "pg";
import { findFreePort } from "../../support/free-port.ts";
import { until } from "../../support/until.ts";
import { queue } from "../backlog.ts";
import { type FinishedProgram, type Program, startCentralcloud } from "../process.ts";
import { type AttackCounts, attack } from "./attack.ts";
import { countOf, keepFull } from "./good-load.ts";

/** A database of the run. */
export interface Database {
  readonly url: string;
  readonly pool: Pool;
}

export interface HostileRun {
  /** Sources that are well, each with `bench`'s messages installed. */
  readonly good: readonly Database[];
  /** One more, whose owner means no good; or means no harm, where it is not attacked. */
  readonly other: Database & { readonly applicationUrl: string };
  readonly central: Database;
  readonly isAttacked: boolean;
  /** How long it is measured, in seconds. */
  readonly seconds: number;
  /** How many messages wait in each good source all the time. */
  readonly least: number;
  /** More settings of the consumer. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface HostileReport {
  /** Messages of the good sources that were settled in a second. */
  readonly perSecond: number;
  readonly messages: number;
  readonly consumer: FinishedProgram;
  readonly attacks: AttackCounts;
  /** What was lost, counted twice or held up, in words. */
  readonly differences: readonly string[];
}

/** Before it is measured: the first batches warm everything. */
const warmUpMs = 3_000;
const timeoutMs = 120_000;

/** One consumer for all sources, for as long as it is asked; then everything that waits is merged, and counted. */
export async function runHostile(run: HostileRun): Promise<HostileReport> {
  const { good, other, central, isAttacked, seconds, least } = run;
  const over = new AbortController();
  const loads = good.map(({ pool }) => ({ pool, sent: 0 }));
  const port = await findFreePort();
  const consumer = startCentralcloud(["consume"], {
    SOURCE_DATABASE_URLS: [...good, other].map(({ url }) => url).join(" "),
    CENTRAL_DATABASE_URL: central.url,
    CONSUMER_HTTP_PORT: String(port),
    ...run.environment,
  });
  const ended = ending(consumer, over.signal);
  try {
    const sending = Promise.all(loads.map((load) => keepFull(load, least, over.signal)));
    await Promise.race([until("the first are merged", () => anyArchived(good)), ended]);
    const idOfAnother = await idOf(good[0] as Database);
    const attacking = isAttacked
      ? attack({ ...other, idOfAnother }, over.signal)
      : Promise.resolve(new Map());
    await Promise.race([pause(warmUpMs, over.signal), ended]);
    const before = await archivedOf(good);
    const startedAt = performance.now();
    await Promise.race([pause(seconds * 1_000, over.signal), ended]);
    const messages = (await archivedOf(good)) - before;
    const ms = performance.now() - startedAt;
    over.abort();
    const attacks = await attacking;
    await sending;
    const differences = [
      ...(await differencesOf(loads, good, central)),
      ...(await recoveryOf(other)),
    ];
    consumer.child.kill("SIGTERM");
    const finished = await consumer.finished;
    if (finished.exitCode !== 0) differences.push(`the consumer ended with ${finished.exitCode}`);
    return {
      perSecond: messages / (ms / 1_000),
      messages,
      consumer: finished,
      attacks,
      differences,
    };
  } finally {
    over.abort();
    consumer.child.kill("SIGKILL");
  }
}

/** Rejects when the consumer ends before it is over: all sources lose it then. */
async function ending({ finished }: Program, over: AbortSignal): Promise<never> {
  const { exitCode } = await finished;
  if (!over.aborted) throw new Error(`the consumer ended with ${exitCode} during the run`);
  return await new Promise(() => {});
}

async function idOf({ pool }: Database): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    "select source_id::text as id from singularity_source",
  );
  return rows[0]?.id ?? "";
}

async function archivedOf(sources: readonly Database[]): Promise<number> {
  const counts = await Promise.all(sources.map(({ pool }) => countOf(pool, `a_${queue}`, null)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function anyArchived(sources: readonly Database[]): Promise<boolean> {
  const counts = await Promise.all(sources.map(({ pool }) => countOf(pool, `a_${queue}`, 1)));
  return counts.every((count) => count > 0);
}

/** Each message of a good source is archived once all are, and counted once in the central store. */
async function differencesOf(
  loads: readonly { readonly sent: number }[],
  good: readonly Database[],
  central: Database,
): Promise<string[]> {
  const differences: string[] = [];
  for (const [index, source] of good.entries()) {
    const sent = loads[index]?.sent ?? 0;
    const name = `source ${index + 1}`;
    try {
      const isEmpty = async () => (await countOf(source.pool, `q_${queue}`, 1)) === 0;
      await until(`the queue of ${name} is empty`, isEmpty, timeoutMs);
    } catch (error) {
      differences.push((error as Error).message);
    }
    const archived = await countOf(source.pool, `a_${queue}`, null);
    const dead = await countOf(source.pool, `q_${queue}-dlq`, null);
    const { rows } = await central.pool.query<{ ledger: number; observed: number }>(
      `select (select count(*)::integer from central.processed_messages p
                 join central.lanes l using (lane_id) where l.source_id = $1 and l.queue = $2) as ledger,
              (select coalesce(sum(a.observation_count), 0)::integer from central.pattern_agents a
                where a.source_id = $1) as observed`,
      [await idOf(source), queue],
    );
    const found = { archived, dead, ...rows[0] };
    const expected = { archived: sent, dead: 0, ledger: sent, observed: sent };
    if (JSON.stringify(found) !== JSON.stringify(expected)) {
      differences.push(
        `${name}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`,
      );
    }
  }
  return differences;
}

/** Once its owner means well again, what it sends is merged. */
async function recoveryOf({ pool }: Database): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select pgmq.send($1, jsonb_build_object('agent_id', 'well again', 'pattern', '{"type": "well"}'::jsonb,
                                              'learned_at', now()))::text as id`,
    [queue],
  );
  const id = rows[0]?.id;
  const isArchived = async () => {
    const found = await pool.query(
      `select from pgmq."a_${queue}" where message ->> 'agent_id' = 'well again'`,
    );
    return found.rows.length > 0;
  };
  try {
    await until(`message ${id} of the other source is merged`, isArchived, timeoutMs);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
