import type { Pool } from "pg";
import type { FinishedProgram } from "./process.ts";
import type { Lab } from "./scenario.ts";
import type { Figures } from "./statistics.ts";

/** Runs `work` and says how much write-ahead log the server wrote meanwhile, in bytes. */
export async function withWal<Result>(
  { server }: Lab,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly walBytes: number }> {
  const before = await walPosition(server.pool);
  const result = await work();
  return { result, walBytes: (await walPosition(server.pool)) - before };
}

async function walPosition(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ position: string }>(
    "select (pg_current_wal_lsn() - '0/0')::text as position",
  );
  return Number(rows[0]?.position);
}

/**
 * Messages per second between the start of the first merge and that of the last, by the ledger: no
 * start or end of a process is in it, so that runs of different length compare.
 *
 * @param since a time before the run, for a ledger that was not empty.
 */
export async function steadyRate(central: Pool, since = "-infinity"): Promise<number> {
  const { rows } = await central.query<{ rate: number }>(
    `with merge as (
       select processed_at as at, count(*) as messages
         from central.processed_messages where processed_at >= $1::timestamptz group by processed_at
     )
     select ((sum(messages) - max(messages) filter (where merge.at = last.at))
             / nullif(extract(epoch from last.at - min(merge.at)), 0))::double precision as rate
       from merge cross join (select max(at) as at from merge) last
      group by last.at`,
    [since],
  );
  return rows[0]?.rate ?? Number.NaN;
}

/** The server's time, as text. */
export async function serverTime({ server }: Lab): Promise<string> {
  const { rows } = await server.pool.query<{ now: string }>(
    "select clock_timestamp()::text as now",
  );
  return rows[0]?.now ?? "";
}

/**
 * The figures of a drain. `perSecond`, which every ratio uses, is the rate by the program's own clock:
 * from when it is up and begins to connect or fetch until all is settled. `wallPerSecond` counts its
 * process from start to end, Node's own start included.
 */
export function drainFigures(
  messages: number,
  ownMs: number,
  finished: FinishedProgram | undefined,
  walBytes: number,
): Figures {
  const wallMs = finished?.wallMs ?? ownMs;
  return {
    messages,
    perSecond: messages / (ownMs / 1000),
    wallPerSecond: messages / (wallMs / 1000),
    ownMs,
    wallMs,
    walBytesPerMessage: walBytes / messages,
    ...(finished?.usage === undefined ? {} : memoryFigures(finished.usage, messages)),
  };
}

function memoryFigures(
  { peakBytes, resident, cpuMs }: NonNullable<FinishedProgram["usage"]>,
  messages: number,
): Figures {
  const tenth = Math.floor(resident.length / 10);
  const mean = (from: number, to: number) => {
    const part = resident.slice(from * tenth, to * tenth);
    return part.reduce((sum, bytes) => sum + bytes, 0) / part.length;
  };
  return {
    peakMb: peakBytes / 1024 / 1024,
    clientCpuUsPerMessage: (cpuMs * 1000) / messages,
    // Flat is 1: the mean of the eighth and ninth tenth of the run over that of the third and fourth.
    ...(tenth < 2 ? {} : { memoryGrowth: mean(7, 9) / mean(2, 4) }),
  };
}
