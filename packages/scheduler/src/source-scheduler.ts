import { holdLock, readSource } from "@centralcloud/db";
import { messageOf, withoutSecrets } from "@centralcloud/postgres";
import { definePart, type Observe, type Part, pause, settledWithin } from "@centralcloud/service";
import type { Client } from "pg";
import { type Connection, openConnection } from "./connection.ts";
import { type DueJob, type DueOptions, dueJobs } from "./due-jobs.ts";
import { createJobRuns } from "./job-runs.ts";
import { type JobTimes, mostJobs, readJobTimes } from "./jobs/job-status.ts";
import type { SchedulerObservation } from "./observation.ts";
import { jobsOfPgCron } from "./pg-cron/jobs-of-pg-cron.ts";

/** A job starts at most so much later than it is due. */
const tickMs = 1_000;
/** How often a scheduler that stands by tries to lead, and one that met a fault tries again. */
const retryMs = 2_000;
/** How often pg_cron's jobs are looked at. */
const pgCronCheckMs = 60_000;
/** The database drops a leader that is not heard of for so long, because its host froze or vanished. */
const silenceMs = 30_000;
const queryTimeoutMs = 10_000;
/** So long the jobs of one source are looked at, of each tick. */
const lookMs = 20;
/** How long a stop waits for the statement that is under way. */
const farewellMs = 250;

/**
 * Runs the jobs of one source as they are due, on the database's clock. Of all processes that try, the
 * one whose session is written down as the leader does it; the others stand by, and one of them leads when that
 * session ends. Two that both took themselves for the leader would run no job twice at once:
 * run_job_step sees to that. Which jobs are due follows from the history alone, so it matters to nobody who ran
 * them before. Database restarts are waited out.
 */
export function createSourceScheduler(
  url: string,
  schedules: Readonly<Record<string, string>>,
  observe: Observe<SchedulerObservation>,
): Part {
  const stopping = new AbortController();
  const { signal } = stopping;
  let source = withoutSecrets(url);
  const runs = createJobRuns(url, () => source, observe);
  let loop = Promise.resolve();
  /** The connection that leads, or tries to. */
  let leader: Connection | undefined;
  let told: string | undefined;

  /** Tells what has changed, and not the same again every second. */
  function tell(state: string, observation: SchedulerObservation): void {
    if (state !== told) observe(observation);
    told = state;
  }

  function tellRole(why?: "another scheduler" | "pg_cron", leader?: string): void {
    if (why === undefined) tell("leading", { event: "scheduler-leading", source });
    else {
      const who = leader === undefined ? {} : { leader };
      tell(`${why} ${leader}`, { event: "scheduler-standing-by", source, why, ...who });
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        leader = await openConnection(url, {
          signal,
          queryTimeoutMs,
          sessionFor: "the scheduler",
          silenceMs,
        });
        await serve(leader.client).finally(leader.close);
      } catch (error) {
        if (signal.aborted) return;
        const message = messageOf(error);
        told = undefined;
        observe({ event: "scheduler-fault", source, error: message, retryInMs: retryMs });
        await pause(retryMs, signal);
      }
    }
  }

  async function serve(client: Client): Promise<void> {
    source = (await readSource(client)).name;
    while (!signal.aborted) {
      const other = await holdLock(client, "lead schedules");
      if (other === undefined) break;
      tellRole("another scheduler", other);
      await pause(retryMs, signal);
    }
    if (!signal.aborted) await lead(client);
    // The next leader finds our last runs finished.
    await runs.idle();
  }

  async function lead(client: Client): Promise<void> {
    let ofPgCron: ReadonlySet<string> = new Set();
    let checkedAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      if (performance.now() - checkedAt > pgCronCheckMs) {
        ofPgCron = await jobsOfPgCron(url);
        checkedAt = performance.now();
      }
      const { now, jobs, areAll } = await readJobTimes(client);
      if (!areAll) {
        const error = `more than ${mostJobs} jobs are declared: only the first of them, by name, are run`;
        observe({ event: "scheduler-fault", source, error, retryInMs: tickMs });
      }
      tellRole(jobs.every(({ job }) => ofPgCron.has(job)) ? "pg_cron" : undefined);
      for (const { job, lateMs, isMissedByPgCron } of findDue(jobs, now, { schedules, ofPgCron })) {
        const isStarted = runs.start(job);
        if (isStarted && isMissedByPgCron) observe({ event: "job-missed", source, job, lateMs });
      }
      await pause(tickMs, signal);
    }
  }

  /** Where the next look at the jobs begins. */
  let from = 0;

  /** A schedule may take long to be read, all the others wait meanwhile: what is not looked at is the next time. */
  function findDue(jobs: readonly JobTimes[], now: Date, options: DueOptions): readonly DueJob[] {
    const startedAt = performance.now();
    const due: DueJob[] = [];
    for (let looked = 0; looked < jobs.length; looked += 1) {
      if (performance.now() - startedAt > lookMs) break;
      from = (from + 1) % jobs.length;
      const job = jobs[from];
      if (job !== undefined) due.push(...dueJobs([job], now, options));
    }
    return due;
  }

  return definePart({
    name: `scheduler of ${source}`,
    async start() {
      loop = run();
    },
    async stop(graceMs) {
      stopping.abort();
      await runs.stop(graceMs);
      // It may wait for an answer of a database that says nothing.
      await settledWithin(loop, farewellMs);
      leader?.cut();
      await settledWithin(loop, farewellMs);
    },
  });
}
