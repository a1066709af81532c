import { pause } from "@centralcloud/service";
import type { ClientBase, Pool } from "pg";

export interface JobRun {
  /** `skipped`: another run of the job was under way. */
  readonly status: "succeeded" | "failed" | "skipped";
  /**
   * The rows that the job's function returned, added up over the steps of a job that works in steps; null
   * where nothing was done.
   */
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

/** A step that does something takes longer; a source that has steps without end takes no more of us than this. */
const leastStepMs = 10;

/** What one step of a run says beside its result. */
interface JobStep extends JobRun {
  readonly runId: string;
  /** Whether the run continues with another step. */
  readonly more: boolean;
}

/**
 * Runs a job of a Singularity database now and records it. A job that works in steps is called until nothing
 * is left, or until it is nearly due again; each step is a transaction. A job that fails is a result, not an
 * error.
 *
 * @param startedBy who asks, for the history; `operator` for whoever does it by hand.
 * @param signal ends a run after the step that is under way.
 * @throws {UnknownJobError}
 */
export async function runJob(
  source: Pool | ClientBase,
  job: string,
  startedBy: string,
  signal?: AbortSignal,
): Promise<JobRun> {
  let startedAt = performance.now();
  let step = await runStep(source, job, startedBy, null);
  while (step.more && !signal?.aborted) {
    await pause(
      startedAt + leastStepMs - performance.now(),
      signal ?? new AbortController().signal,
    );
    startedAt = performance.now();
    step = await runStep(source, job, startedBy, step.runId);
  }
  const { more, runId, ...run } = step;
  return run;
}

async function runStep(
  source: Pool | ClientBase,
  job: string,
  startedBy: string,
  runId: string | null,
): Promise<JobStep> {
  try {
    // An operator may run jobs, and under no other name.
    const [call, given] =
      startedBy === "operator"
        ? ["run_job_step_by_hand(p_job_name => $1, p_run_id => $2)", [job, runId]]
        : [
            "run_job_step(p_job_name => $1, p_started_by => $3, p_run_id => $2)",
            [job, runId, startedBy],
          ];
    const { rows } = await source.query<JobStep>(
      `select s.run_id::text as "runId", s.status, s.result, s.error, s.started_at as "startedAt",
              s.finished_at as "finishedAt", s.more
         from public.${call} s`,
      given,
    );
    const [step] = rows;
    if (step === undefined) throw new Error("public.run_job_step returned no row");
    return step;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // undefined_object; errors of the job's own function are never raised.
    throw code === "42704" ? new UnknownJobError(message) : error;
  }
}
