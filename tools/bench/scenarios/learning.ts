import { setTimeout as delay } from "node:timers/promises";
import { createScheduler } from "@centralcloud/scheduler";
import type { Contender, Lab, Scenario } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { emptySource } from "../systems/pgmq-source.ts";
import { assertResult } from "../verify.ts";

const job = "learn-patterns-every-5min";
const name = "scheduler";

/** So many results in each second of the time, evenly. */
async function write({ pool }: Database, perSecond: number, seconds: number): Promise<void> {
  const startedAt = performance.now();
  for (let second = 0; second < seconds; second++) {
    await pool.query(
      `insert into analysis_results (agent_id, result, confidence)
       select 'agent-' || i % 100, bench.pattern_document(i, 300), 0.9
         from generate_series($1::bigint, $2::bigint) i`,
      [second * perSecond + 1, (second + 1) * perSecond],
    );
    await delay(Math.max(0, startedAt + (second + 1) * 1_000 - performance.now()));
  }
}

async function untilLearned({ pool }: Database, results: number, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const { rows } = await pool.query<{ count: number }>(
      "select count(*)::integer as count from analysis_results where learned",
    );
    if (rows[0]?.count === results) return;
    await delay(200);
  }
  throw new Error(`not all of ${results} results were learned in time`);
}

function contend(lab: Lab): Contender {
  const { perSecond, seconds, intervalS } = lab.sizes.learning;
  return {
    name,
    detail: `${perSecond} results a second for ${seconds} s, learned by the scheduler every ${intervalS} s`,
    async run() {
      const source = await lab.stage.clone(await emptySource(lab));
      const every = intervalS < 60 ? `*/${intervalS} * * * * *` : `*/${intervalS / 60} * * * *`;
      const failures: string[] = [];
      const scheduler = createScheduler(
        { sourceUrls: [source.url], schedules: { [job]: every } },
        (one) => {
          if (one.event === "job-failed") failures.push(one.error);
        },
      );
      await scheduler.start();
      try {
        await write(source, perSecond, seconds);
        const results = perSecond * seconds;
        await untilLearned(source, results, (intervalS + 60) * 1_000);
        assertResult("failures of jobs", [], failures);
        const { rows } = await source.pool.query<{ oldestS: number; runS: number }>(
          `select (select extract(epoch from max(r.learned_at - r.created_at)) from analysis_results r)::float8 as "oldestS",
                  (select extract(epoch from max(j.finished_at - j.started_at)) from job_runs j where j.job_name = $1)::float8 as "runS"`,
          [job],
        );
        const { oldestS = Number.NaN, runS = Number.NaN } = rows[0] ?? {};
        return { runS, runShare: runS / intervalS, intervals: oldestS / intervalS, results };
      } finally {
        await scheduler.stop();
        await lab.stage.drop(source);
      }
    },
  };
}

/** Whether a source that learns much is ever behind: by the schedule that sources have, in real time. */
export const learning: Scenario = {
  name: "learning",
  title: "5,000 results a minute for ten minutes, learned on schedule",
  plan: (lab) => ({
    contenders: [contend(lab)],
    columns: [
      { figure: "runS", heading: "longest run, s", digits: 1 },
      { figure: "runShare", heading: "of its interval", digits: 3 },
      { figure: "intervals", heading: "longest wait, intervals", digits: 2 },
      { figure: "results", heading: "of" },
    ],
    mostRounds: 1,
    goals: [
      {
        what: "longest run, in intervals of the job",
        contender: name,
        figure: "runShare",
        atMost: 1,
      },
      {
        what: "longest wait of a result, in intervals and the run after it",
        contender: name,
        figure: "intervals",
        atMost: 1.1,
      },
    ],
  }),
};
