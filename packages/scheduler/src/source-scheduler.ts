import {
  jobsOfPgCron,
  messageOf,
  readJobTimes,
  readSource,
  withoutSecrets,
} from "@centralcloud/db";
import { definePart, type Observe, type Part, pause } from "@centralcloud/service";
import type { Client } from "pg";
import { openConnection } from "./connection.ts";
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
/** "ccsc" in ASCII: whoever holds this advisory lock of a source's database runs its jobs. */
const advisoryLockKey = 0x63_63_73_63;

/**
 * Runs the jobs of one source as they are due, on the database's clock. Of all processes that try, the
 * one whose connection holds an advisory lock does it; the others stand by and take over when that
 * connection ends. Which jobs are due follows from the history alone, so it matters to nobody who ran
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
  let told: string | undefined;

  /** Tells what has changed, and not the same again every second. */
  function tell(state: string, observation: Parameters<Observe>[0]): void {
    if (state !== told) observe(observation);
    told = state;
  }

  function tellRole(why?: "another scheduler" | "pg_cron"): void {
    if (why === undefined) tell("leading", { event: "scheduler-leading", source });
    else tell(why, { event: "scheduler-standing-by", source, why });
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        const { client, close } = await openConnection(url, { signal, queryTimeoutMs });
        await serve(client).finally(close);
      } catch (error) {
        if (signal.aborted) return;
        const message = messageOf(error);
        tell(message, { event: "scheduler-fault", source, error: message, retryInMs: retryMs });
        await pause(retryMs, signal);
      }
    }
  }

  async function serve(client: Client): Promise<void> {
    source = (await readSource(client)).name;
    await client.query("select set_config('idle_session_timeout', $1, false)", [`${silenceMs}ms`]);
    while (!signal.aborted && !(await lock(client))) {
      tellRole("another scheduler");
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
      await loop;
    },
  });
}

async function lock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_lock($1) as locked",
    [advisoryLockKey],
  );
  return rows[0]?.locked ?? false;
}
