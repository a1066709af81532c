import { setTimeout as delay } from "node:timers/promises";
import { installMessages, queue } from "../bench/backlog.ts";
import { startCentralcloud } from "../bench/process.ts";
import type { Database } from "../bench/stage.ts";
import type { BurstComparison, BurstSeen, Validation } from "./figures.ts";
import { countRows, type Laboratory, openLaboratory } from "./laboratory.ts";
import { describeLag, simulate } from "./simulate.ts";

export interface ValidateOptions {
  readonly durable: boolean;
  readonly steadyPerSecond: number;
  /** The burst from which the capacity is learned, and the one that is predicted. */
  readonly calibration: number;
  readonly burst: number;
  readonly rounds: number;
}

const stepS = 0.1;
/** How long the simulation continues after the burst, in steps. */
const stepsAfter = 6_000;
/** How long the steady load runs before the first burst. */
const settleMs = 3_000;

/** Sends a burst on top of a steady load to a running consumer, and compares with the simulation. Linux only. */
export async function validate(
  options: ValidateOptions,
  narrate: (line: string) => void,
): Promise<Validation> {
  const lab = await openLaboratory(options.durable);
  const { steadyPerSecond, calibration, burst, rounds } = options;
  const source = await lab.source.stage.clone(await lab.source.stage.base("source"));
  const central = await lab.central.stage.clone(await lab.central.stage.base("central"));
  const consumer = await startConsumer(source, central);
  // Bursts, and two minutes of the steady load.
  const messages = (rounds + 1) * calibration + rounds * burst + 120 * steadyPerSecond;
  narrate(`making ${messages} messages …`);
  const prepared = await prepareMessages(source, messages);
  const steady = startSteady(source, prepared, steadyPerSecond);
  /** Messages a second while a small burst is worked off: the burst, and what came meanwhile. */
  const learnCapacity = async () => {
    const { clearedS } = await sendBurst(source, prepared, calibration);
    return calibration / clearedS + steadyPerSecond;
  };
  try {
    await delay(settleMs);
    const found: BurstComparison[] = [];
    let before = await learnCapacity();
    for (let round = 0; round < rounds; round++) {
      narrate(`${Math.round(before)} a second; a burst of ${burst} …`);
      const measured = await sendBurst(source, prepared, burst);
      const after = await learnCapacity();
      const capacityPerSecond = (before + after) / 2;
      const simulated = predictBurst({ steadyPerSecond, burst, capacityPerSecond });
      const [capacityBefore, capacityAfter] = [Math.round(before), Math.round(after)];
      found.push({ capacityBefore, capacityAfter, measured, simulated });
      before = after;
    }
    const measuredAt = new Date().toISOString().slice(0, 10);
    return { measuredAt, steadyPerSecond, burst, rounds: found };
  } finally {
    await steady.stop();
    await consumer.stop();
    await closeAll(lab, source, central);
  }
}

function predictBurst(system: {
  readonly steadyPerSecond: number;
  readonly burst: number;
  readonly capacityPerSecond: number;
}): BurstSeen {
  const { steadyPerSecond, burst, capacityPerSecond } = system;
  const arrivals = Array.from({ length: stepsAfter }, () => steadyPerSecond * stepS);
  arrivals[0] = burst + steadyPerSecond * stepS;
  const course = { stepS, arrivals, capacity: arrivals.map(() => capacityPerSecond * stepS) };
  const { clearedS, mostS } = describeLag(course, simulate(course), 0);
  return { clearedS: round(clearedS ?? Number.NaN), mostLagS: round(mostS) };
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

async function startConsumer(source: Database, central: Database) {
  const { child, finished } = startCentralcloud(["consume"], {
    SOURCE_DATABASE_URLS: source.url,
    CENTRAL_DATABASE_URL: central.url,
    CONSUMER_HTTP_PORT: "0",
    LOG_LEVEL: "warn",
  });
  while ((await countRows(central.pool, "central.sources")) === 0) await delay(50);
  return {
    async stop() {
      child.kill("SIGTERM");
      await finished;
    },
  };
}

/** Messages made beforehand, handed out once each. */
interface Prepared {
  next(count: number): readonly [first: number, last: number];
}

async function prepareMessages(source: Database, count: number): Promise<Prepared> {
  await installMessages(source);
  await source.pool.query(
    "create table bench.prepared as select i, bench.message(i, 420, '') as body from generate_series(1, $1) i",
    [count],
  );
  await source.pool.query("alter table bench.prepared add primary key (i)");
  let given = 0;
  return {
    next(wanted) {
      const first = given + 1;
      given += wanted;
      if (given > count) throw new Error("the prepared messages are used up");
      return [first, given];
    },
  };
}

/** Sends so many in one transaction, and gives the last id of them. */
async function sendPrepared(
  { pool }: Database,
  prepared: Prepared,
  count: number,
): Promise<bigint> {
  const { rows } = await pool.query<{ last: string }>(
    `select max(s.id)::text as last from pgmq.send_batch($1, (
       select array_agg(p.body order by p.i) from bench.prepared p where p.i between $2 and $3)) as s (id)`,
    [queue, ...prepared.next(count)],
  );
  return BigInt(rows[0]?.last ?? 0);
}

const tickMs = 100;

function startSteady(source: Database, prepared: Prepared, perSecond: number) {
  let isOver = false;
  const sending = (async () => {
    const startedAt = performance.now();
    for (let tick = 1; !isOver; tick++) {
      await sendPrepared(source, prepared, (perSecond * tickMs) / 1_000);
      await delay(Math.max(0, startedAt + tick * tickMs - performance.now()));
    }
  })();
  return {
    async stop() {
      isOver = true;
      await sending;
    },
  };
}

/** The queue counts as empty again when all of the burst has left it, and nothing waits that is older than two ticks. */
async function sendBurst(source: Database, prepared: Prepared, count: number): Promise<BurstSeen> {
  const last = await sendPrepared(source, prepared, count);
  const startedAt = performance.now();
  let mostLagS = 0;
  for (;;) {
    const { rows } = await source.pool.query<{ id: string; lag: number }>(
      `select q.msg_id::text as id, extract(epoch from clock_timestamp() - q.enqueued_at)::float8 as lag
         from pgmq."q_${queue}" q order by q.msg_id limit 1`,
    );
    const [oldest] = rows;
    mostLagS = Math.max(mostLagS, oldest?.lag ?? 0);
    const clearedS = (performance.now() - startedAt) / 1_000;
    const isThrough = oldest === undefined || BigInt(oldest.id) > last;
    if (isThrough && (oldest?.lag ?? 0) < (2 * tickMs) / 1_000) {
      return { clearedS: Number(clearedS.toFixed(2)), mostLagS: round(mostLagS) };
    }
    await delay(20);
  }
}

async function closeAll(lab: Laboratory, source: Database, central: Database): Promise<void> {
  await lab.source.stage.drop(source);
  await lab.central.stage.drop(central);
  await lab.end();
}
