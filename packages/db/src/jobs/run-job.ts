import type { ClientBase, Pool } from "pg";

export interface JobRun {
  /** `skipped`: another run of the job was going on. */
  readonly status: "succeeded" | "failed" | "skipped";
  /** The rows that the job's function returned; null unless it succeeded. */
  readonly result: readonly unknown[] | null;
  /** Why it failed. */
  readonly error: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date;
}

/** No job has this name. */
export class UnknownJobError extends Error {
  readonly code = "unknown_job";
  constructor(message: string) {
    super(message);
    this.name = "UnknownJobError";
  }
}

/**
 * Runs a job of a Singularity database now and records it. A job that fails is a result, not an error.
 *
 * @param startedBy who asks, for the history.
 * @throws {UnknownJobError}
 */
export async function runJob(
  source: Pool | ClientBase,
  job: string,
  startedBy: string,
): Promise<JobRun> {
  try {
    const { rows } = await source.query<JobRun>(
      `select r.status, r.result, r.error, r.started_at as "startedAt", r.finished_at as "finishedAt"
         from public.run_job(p_job_name => $1, p_started_by => $2) r`,
      [job, startedBy],
    );
    const [run] = rows;
    if (run === undefined) throw new Error("public.run_job returned no row");
    return run;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // undefined_object; errors of the job's own function are never raised.
    throw code === "42704" ? new UnknownJobError(message) : error;
  }
}

/**
 * Brings the view `agent_performance_5min` up to date, while it is read; waits for a refresh that is
 * going on, then refreshes again. Leaves no trace in the history of jobs.
 */
export async function refreshMetricsNow(
  source: Pool | ClientBase,
): Promise<{ readonly rowCount: number }> {
  const { rows } = await source.query<{ rowCount: number }>(
    `select r.row_count::integer as "rowCount" from public.refresh_metrics() r`,
  );
  return { rowCount: rows[0]?.rowCount ?? 0 };
}
