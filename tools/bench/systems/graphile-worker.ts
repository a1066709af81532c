import { makeWorkerUtils } from "graphile-worker";
import { type Backlog, inChunks } from "../backlog.ts";
import type { Lab } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { assertResult } from "../verify.ts";
import { contentOf, emptySource } from "./pgmq-source.ts";
import type { System } from "./system.ts";
import { contendWorker } from "./worker.ts";

/** Those by which its own documentation measures it. */
const jobPerMessage = { concurrentJobs: 24, localQueueSize: 500, mergesAtOnce: 8 };
const jobsOfMany = { concurrentJobs: 4, localQueueSize: 8, mergesAtOnce: 4 };

const version = "0.18.0";

export const graphileWorker: System = {
  name: "graphile-worker",
  takes: "job-each",
  contend: (lab, backlog) =>
    contendWorker(lab, backlog, {
      name: "graphile-worker",
      detail: `${version}: a job per message, 24 at once, local queue of 500, completed in batches`,
      program: "graphile-worker",
      settings: jobPerMessage,
      prepare: () => prepareJobs(lab, backlog, 1),
      assertSettled,
    }),
};

const messagesInJob = 100;

export const graphileWorkerJobsOf100: System = {
  name: "graphile-worker-100",
  takes: "batches",
  contend: (lab, backlog) =>
    contendWorker(lab, backlog, {
      name: "graphile-worker-100",
      detail: `${version}: a job per ${messagesInJob} messages, 4 at once, local queue of 8, completed in batches`,
      program: "graphile-worker",
      settings: jobsOfMany,
      prepare: () => prepareJobs(lab, backlog, messagesInJob),
      assertSettled,
    }),
};

async function prepareJobs(lab: Lab, backlog: Backlog, size: number) {
  const template = await lab.stage.template(
    JSON.stringify({ graphileWorker: backlog, size }),
    await emptySource(lab),
    async ({ pool, url }) => {
      const utils = await makeWorkerUtils({ connectionString: url });
      await utils.migrate();
      await utils.release();
      await inChunks(backlog, (first, last) =>
        pool.query(
          `select count(*) from graphile_worker.add_jobs((
             select array_agg(row('merge', j.payload, null, null, null, null, null, null)::graphile_worker.job_spec)
               from (select case when $4 = 1 then (array_agg(m))[1]::json else json_agg(m) end as payload
                       from (select i, json_build_object('id', i::text, 'message', bench.message(i, $1, '')) as m
                               from generate_series($2::bigint, $3::bigint) i) numbered
                      group by (i - 1) / $4 order by min(i)) j))`,
          [backlog.bytes, first, last, size],
        ),
      );
    },
  );
  return { template, expected: await contentOf(lab, backlog) };
}

async function assertSettled({ pool }: Database): Promise<void> {
  const { rows } = await pool.query("select count(*)::integer as jobs from graphile_worker.jobs");
  assertResult("graphile-worker", [{ jobs: 0 }], [...rows]);
}
