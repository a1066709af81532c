import { runJob } from "@centralcloud/db";
import { type Observe, pause, wordsOf } from "@centralcloud/service";
import { type Connection, openConnection } from "./connection.ts";

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
/** How long a cancelled job may take to notice. */
const cancelMs = 2_000;

export function createJobRuns(url: string, source: () => string, observe: Observe): JobRuns {
  const running = new Map<string, Promise<void>>();
  const connections = new Map<Connection, number>();
  const heldOffUntil = new Map<string, number>();
  let isStopped = false;

  async function run(job: string): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = await openConnection(url);
      connections.set(connection, await readPid(connection));
      const { status, error, startedAt, finishedAt } = await runJob(
        connection.client,
        job,
        "scheduler",
      );
      const subject = { source: source(), job, ms: finishedAt.getTime() - startedAt.getTime() };
      if (status === "failed") observe({ event: "job-failed", ...subject, error: error ?? "" });
      else observe({ event: "job-finished", ...subject, status });
    } catch (error) {
      heldOffUntil.set(job, performance.now() + holdOffMs);
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

  async function idleWithin(ms: number): Promise<void> {
    const enough = new AbortController();
    await Promise.race([idle(), pause(ms, enough.signal)]);
    enough.abort();
  }

  async function cancel(): Promise<void> {
    const connection = await openConnection(url);
    const pids = [...connections.values()];
    await connection.client
      .query("select pg_cancel_backend(p.pid) from unnest($1::integer[]) p (pid)", [pids])
      .finally(() => connection.close());
  }

  return {
    start(job) {
      if (isStopped || running.has(job)) return false;
      if (performance.now() < (heldOffUntil.get(job) ?? 0)) return false;
      running.set(
        job,
        run(job).finally(() => running.delete(job)),
      );
      return true;
    },
    idle,
    async stop(graceMs) {
      isStopped = true;
      await idleWithin(graceMs);
      if (running.size === 0) return;
      // Where it can't be cancelled, because the database is gone, so are the runs.
      await cancel().catch(() => {});
      await idleWithin(cancelMs);
      await Promise.all([...connections.keys()].map((connection) => connection.close()));
      await idle();
    },
  };
}

async function readPid({ client }: Connection): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}
