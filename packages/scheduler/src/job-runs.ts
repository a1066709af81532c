import { type Observe, settledWithin, wordsOf } from "@centralcloud/service";
import { type Connection, openConnection } from "./connection.ts";
import { runJob } from "./jobs/run-job.ts";

/** The jobs of one source that run at the moment; each has a connection of its own, and delays no other. */
export interface JobRuns {
  /** Runs a job, unless it is running, or its connection has failed a moment ago; says whether it does. */
  start(job: string): boolean;
  /** Resolves once nothing runs. */
  idle(): Promise<void>;
  /** Waits for what runs, then cancels it, which its history tells; starts nothing more. */
  stop(graceMs: number): Promise<void>;
}

const holdOffMs = 5_000;
/** Jobs of a source that run at the same time; others wait until one has ended. */
const mostRunning = 32;
/** How long it may take to cancel jobs, and then for them to notice. */
const cancelMs = 500;

export function createJobRuns(url: string, source: () => string, observe: Observe): JobRuns {
  const running = new Map<string, Promise<void>>();
  const connections = new Map<Connection, number | undefined>();
  const heldOffUntil = new Map<string, number>();
  const stopping = new AbortController();

  async function run(job: string): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = await openConnection(url, { signal: stopping.signal });
      connections.set(connection, undefined);
      connections.set(connection, await readPid(connection));
      const { status, error, startedAt, finishedAt } = await runJob(
        connection.client,
        job,
        "scheduler",
        stopping.signal,
      );
      const subject = { source: source(), job, ms: finishedAt.getTime() - startedAt.getTime() };
      if (status === "failed") observe({ event: "job-failed", ...subject, error: error ?? "" });
      else observe({ event: "job-finished", ...subject, status });
    } catch (error) {
      // A run that had not begun when the scheduler was stopped is no fault.
      if (stopping.signal.aborted && connection === undefined) return;
      const now = performance.now();
      // A source may give its jobs other names as often as it likes.
      for (const [name, until] of heldOffUntil) if (until <= now) heldOffUntil.delete(name);
      heldOffUntil.set(job, now + holdOffMs);
      observe({ event: "job-fault", source: source(), job, error: wordsOf(error) });
    } finally {
      if (connection !== undefined) {
        connections.delete(connection);
        await connection.close();
      }
    }
  }

  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.all(running.values());
  }

  async function cancel(): Promise<void> {
    const signal = AbortSignal.timeout(cancelMs);
    const connection = await openConnection(url, { signal, queryTimeoutMs: cancelMs });
    const pids = [...connections.values()].filter((pid) => pid !== undefined);
    await connection.client
      .query("select pg_cancel_backend(p.pid) from unnest($1::integer[]) p (pid)", [pids])
      .finally(() => connection.close());
  }

  return {
    start(job) {
      if (stopping.signal.aborted || running.has(job) || running.size >= mostRunning) return false;
      if (performance.now() < (heldOffUntil.get(job) ?? 0)) return false;
      heldOffUntil.delete(job);
      running.set(
        job,
        run(job).finally(() => running.delete(job)),
      );
      return true;
    },
    idle,
    async stop(graceMs) {
      stopping.abort();
      await settledWithin(idle(), graceMs);
      if (running.size === 0) return;
      // Where it can't be cancelled, because the database is gone, so are the runs.
      await settledWithin(cancel(), cancelMs);
      await settledWithin(idle(), cancelMs);
      for (const connection of connections.keys()) connection.cut();
      await settledWithin(idle(), cancelMs);
    },
  };
}

async function readPid({ client }: Connection): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}
