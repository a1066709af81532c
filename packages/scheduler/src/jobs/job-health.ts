import { shellWord } from "@centralcloud/service";
import type { ClientBase, Pool } from "pg";
import { type JobTimes, readJobTimes } from "./job-status.ts";
import { nextDue } from "./schedule.ts";

/** A job that does not run as it should. */
export interface JobProblem {
  readonly job: string;
  /** One sentence: what is wrong. */
  readonly problem: string;
  /** One sentence: what to do about it. */
  readonly remedy: string;
}

/** How many times in a row a job may fail or be missed before it counts as a problem. */
const missedAtMost = 3;

/**
 * The jobs whose last success is older than three of their intervals, or that never succeeded although
 * they were due as often. A database that was migrated a moment ago has none.
 */
export async function checkJobHealth(source: Pool | ClientBase): Promise<readonly JobProblem[]> {
  const { now, jobs } = await readJobTimes(source);
  return jobs.flatMap((times) => findProblem(times, now) ?? []);
}

function findProblem(times: JobTimes, now: Date): JobProblem | undefined {
  const { job, schedule, declaredAt, lastSuccessAt, lastStartedAt } = times;
  const since = lastSuccessAt ?? declaredAt;
  const lateFrom = nextDue(schedule, since, missedAtMost);
  if (lateFrom === undefined) {
    const remedy = "run `centralcloud migrate`, which writes the declared schedule again";
    return { job, problem: `its schedule ${JSON.stringify(schedule)} can't be read`, remedy };
  }
  if (now <= lateFrom) return undefined;
  const problem =
    lastSuccessAt === null
      ? `it has never succeeded, and was due several times since ${since.toISOString()}`
      : `it last succeeded at ${since.toISOString()}, and was due several times since`;
  // It runs, and fails; or nobody runs it.
  const runs = lastStartedAt !== null && lastStartedAt > since;
  const remedy = runs
    ? `see why with \`centralcloud jobs\`, and try it with \`centralcloud jobs run ${shellWord(job)}\``
    : "keep `centralcloud scheduler` running, or look at cron.job_run_details where pg_cron has the jobs";
  return { job, problem, remedy };
}
