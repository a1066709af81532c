import { holdLock, jobsOfPgCron, readJobTimes, readSource } from "@centralcloud/db";
import { messageOf, withoutSecrets } from "@centralcloud/postgres";
import { definePart, type Observe, type Part, pause, settledWithin } from "@centralcloud/service";
import type { Client } from "pg";
import { type Connection, openConnection } from "./connection.ts";
import { dueJobs } from "./due-jobs.ts";
import { createJobRuns } from "./job-runs.ts";

/** A job starts at most so much later than it is due. */
const tickMs = 1_000;
/** How often a scheduler that stands by tries to take over, and one that met a fault tries again. */
const retryMs = 2_000;
/** How often pg_cron's jobs are looked at. */
const pgCronCheckMs = 60_000;
/** The database drops a leader that is not heard of for so long, because its host froze or vanished. */
const silenceMs = 30_000;
const queryTimeoutMs = 10_000;
/** How long a stop waits for the statement that is under way. */
const farewellMs = 250;

/**
 * Runs the jobs of one source as they are due, on the database's clock. Of all processes that try, the
 * one whose session is written down as the leader does it; the others stand by and take over when that
 * session ends. Two that both took themselves for the leader would run no job twice at once:
 * run_job_step sees to that. Which jobs are due follows from the history alone, so it matters to nobody who ran
 * them before. Database restarts are waited out.
 */
export function createSourceScheduler(
  url: string,
  schedules: Readonly<Record<string, string>>,
  observe: Observe,
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
  function tell(state: string, observation: Parameters<Observe>[0]): void {
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
    // Whoever takes over finds our last runs finished.
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
      const { now, jobs } = await readJobTimes(client);
      tellRole(jobs.every(({ job }) => ofPgCron.has(job)) ? "pg_cron" : undefined);
      for (const { job, lateMs, isMissedByPgCron } of dueJobs(jobs, now, { schedules, ofPgCron })) {
        const isStarted = runs.start(job);
        if (isStarted && isMissedByPgCron) observe({ event: "job-missed", source, job, lateMs });
      }
      await pause(tickMs, signal);
    }
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
