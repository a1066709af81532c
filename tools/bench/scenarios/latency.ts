import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { queue } from "../backlog.ts";
import { startConsumer } from "../consumer.ts";
import {
  CannotMeasureError,
  type Contender,
  type Goal,
  type Lab,
  type Scenario,
} from "../scenario.ts";
import { contentOf, emptySource } from "../systems/pgmq-source.ts";
import { assertMergedOnce, assertSettled } from "../verify.ts";

/** How often the sender sends, in milliseconds. */
const tickMs = 5;

/**
 * Sends messages 1, 2, … at an even rate, those of one tick in one statement. A tick that comes late
 * sends what is due by then, so the rate holds; latencies count from each message's own enqueued_at.
 *
 * @returns how many it sent.
 */
async function sendSteadily(source: Pool, perSecond: number, seconds: number): Promise<number> {
  const startedAt = performance.now();
  let sent = 0;
  while (sent < perSecond * seconds) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    const last = Math.min(due, perSecond * seconds);
    if (last > sent) {
      await source.query({
        name: "send",
        text: `select count(*) from pgmq.send_batch($1, (
                 select array_agg(bench.message(i, 420, '') order by i) from generate_series($2::bigint, $3::bigint) i))`,
        values: [queue, sent + 1, last],
      });
      sent = last;
    }
    const nextMs = Math.ceil((performance.now() - startedAt) / tickMs) * tickMs;
    await delay(Math.max(0, nextMs - (performance.now() - startedAt)));
  }
  return sent;
}

/**
 * From each message's enqueued_at (the start of the sending transaction) to the commit of the
 * transaction that wrote its ledger row, by the server's own record of commit times. The record is made
 * just before the commit's flush to disk, so the flush itself is left out.
 */
async function measureLatencies(central: Pool, after: string) {
  const { rows } = await central.query<{ p50: number; p95: number; p99: number; max: number }>(
    `select p[1] as p50, p[2] as p95, p[3] as p99, p[4] as max
       from (select percentile_cont(array[0.5, 0.95, 0.99, 1]) within group (order by l.ms) as p
               from (select (extract(epoch from pg_xact_commit_timestamp(m.xmin) - m.enqueued_at) * 1000)::double precision as ms
                       from central.processed_messages m where m.enqueued_at >= $1::timestamptz) l) q`,
    [after],
  );
  return rows[0] as (typeof rows)[number];
}

function contend(lab: Lab, perSecond: number): Contender {
  const { warmUpS, seconds } = lab.sizes.latency;
  return {
    name: `${perSecond} per second`,
    detail: `\`centralcloud consume\`; what is due is sent every ${tickMs} ms for ${seconds} s, after ${warmUpS} s of warming up`,
    async prepare() {
      const { rows } = await lab.server.pool.query("show track_commit_timestamp");
      if (rows[0]?.track_commit_timestamp !== "on") {
        throw new CannotMeasureError(
          "it is measured by commit times: set track_commit_timestamp = on",
        );
      }
    },
    async run() {
      const { stage } = lab;
      const source = await stage.clone(await emptySource(lab));
      const central = await stage.clone(await stage.base("central"));
      try {
        const consumer = await startConsumer(source, central);
        const total = Math.round(perSecond * (warmUpS + seconds));
        const { rows } = await source.pool.query<{ after: string }>(
          "select (clock_timestamp() + make_interval(secs => $1))::text as after",
          [warmUpS],
        );
        const messages = await sendSteadily(source.pool, perSecond, total / perSecond);
        await untilEmpty(source.pool);
        await consumer.stop();
        const latencies = await measureLatencies(central.pool, rows[0]?.after ?? "");
        const backlog = { messages, bytes: 420 };
        await assertMergedOnce(central.pool, await contentOf(lab, backlog));
        await assertSettled(source.pool, backlog);
        return { messages, ...latencies };
      } finally {
        await stage.drop(source, central);
      }
    },
  };
}

/** Seldom: the look passes over what was archived, on the cores that are measured; the ledger has the times. */
const emptyPollMs = 200;

/** Until nothing is queued any more; fails after a minute. */
export async function untilEmpty(source: Pool): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { rows } = await source.query<{ empty: boolean }>(
      `select not exists (select from pgmq."q_${queue}") as empty`,
    );
    if (rows[0]?.empty) return;
    if (performance.now() > deadline) throw new Error("the queue did not become empty");
    await delay(emptyPollMs);
  }
}

const goals: readonly Goal[] = [
  { what: "latency at 200/s, p50 (ms)", contender: "200 per second", figure: "p50", atMost: 10 },
  { what: "latency at 200/s, p99 (ms)", contender: "200 per second", figure: "p99", atMost: 50 },
];

export const latency: Scenario = {
  name: "latency",
  title: "Steady arrival: from send to merged, in milliseconds, 0.4 kB messages",
  plan: (lab) => ({
    contenders: lab.sizes.latency.rates.map((rate) => contend(lab, rate)),
    columns: [
      { figure: "p50", heading: "p50", digits: 1 },
      { figure: "p95", heading: "p95", digits: 1 },
      { figure: "p99", heading: "p99", digits: 1 },
      { figure: "max", heading: "max", digits: 1 },
      { figure: "messages", heading: "messages" },
    ],
    mostRounds: 3,
    goals,
  }),
};
