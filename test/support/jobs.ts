import { runJob } from "@centralcloud/scheduler";
import { expect } from "vitest";
import type { TestDatabase } from "./databases.ts";

const jobsThatReadRows = [
  "learn-patterns-every-5min",
  "update-knowledge-hourly",
  "sync-learning-every-10min",
  "assign-tasks-every-2min",
  "refresh-metrics-every-30min",
  "archive-tasks-daily",
];

/** Runs each job that reads rows of applications, and expects it to succeed. */
export async function runEveryJob({ pool }: TestDatabase): Promise<void> {
  for (const job of jobsThatReadRows) {
    const run = await runJob(pool, job, "test");
    expect(run, job).toMatchObject({ status: "succeeded", error: null });
  }
}

export interface JobDeclaration {
  /** The body of its PL/pgSQL function, which returns a table (rows_done integer); undefined: no function. */
  readonly body: string | undefined;
  /** Never, unless it is given. */
  readonly schedule?: string;
  /** For so long it continues in steps, an interval; its function returns `more` beside, too. */
  readonly longestRun?: string;
}

/** Declares a job of a test's own, as sql/singularity/schedules declares ours. */
export async function declareJob(
  { pool }: TestDatabase,
  job: string,
  { body, schedule = "0 0 31 2 *", longestRun }: JobDeclaration,
): Promise<void> {
  const functionName = job.replaceAll("-", "_");
  if (body !== undefined) {
    const columns =
      longestRun === undefined ? "rows_done integer" : "rows_done integer, more boolean";
    await pool.query(
      `create or replace function public.${functionName}() returns table (${columns})
       language plpgsql as $body$ ${body} $body$`,
    );
  }
  await pool.query(
    `insert into public.scheduled_jobs
       (job_name, schedule, function_name, step_function_name, longest_run, description)
     values ($1, $2, $3, case when $4::interval is not null then $3 end, $4, 'made by a test')
     on conflict (job_name) do update
       set schedule = excluded.schedule, longest_run = excluded.longest_run`,
    [job, schedule, functionName, longestRun],
  );
}
