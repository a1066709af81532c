import type { Pool } from "pg";
import { type Server, startServer } from "../bench/server.ts";
import { type Database, Stage } from "../bench/stage.ts";
import { parentOf, serverMs } from "./processor-time.ts";

/** A server whose cost can be told from that of others: each side of the system has one for itself. */
export interface MeasuredServer {
  readonly server: Server;
  readonly stage: Stage;
  /** Processor time so far, in milliseconds. */
  cpuMs(): number;
}

export interface Laboratory {
  readonly source: MeasuredServer;
  readonly central: MeasuredServer;
  end(): Promise<void>;
}

export async function openLaboratory(durable: boolean): Promise<Laboratory> {
  const sides = await Promise.all([openServer(durable), openServer(durable)]);
  return {
    source: sides[0],
    central: sides[1],
    async end() {
      for (const { stage, server } of sides) {
        await stage.end();
        await server.stop();
      }
    },
  };
}

async function openServer(durable: boolean): Promise<MeasuredServer> {
  const server = await startServer(undefined, durable);
  const { rows } = await server.pool.query<{ pid: number }>("select pg_backend_pid() as pid");
  const postmaster = parentOf(rows[0]?.pid ?? 0);
  return { server, stage: new Stage(server), cpuMs: () => serverMs(postmaster) };
}

export interface Cost {
  readonly cpuMs: number;
  readonly walBytes: number;
}

/** What `work` costs each side. */
export async function costOf<Result>(
  { source, central }: Laboratory,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly source: Cost; readonly central: Cost }> {
  const before = { source: await look(source), central: await look(central) };
  const result = await work();
  const after = { source: await look(source), central: await look(central) };
  return {
    result,
    source: difference(before.source, after.source),
    central: difference(before.central, after.central),
  };
}

async function look({ server, cpuMs }: MeasuredServer): Promise<Cost> {
  const { rows } = await server.pool.query<{ position: string }>(
    "select (pg_current_wal_lsn() - '0/0')::text as position",
  );
  return { cpuMs: cpuMs(), walBytes: Number(rows[0]?.position) };
}

function difference(before: Cost, after: Cost): Cost {
  return { cpuMs: after.cpuMs - before.cpuMs, walBytes: after.walBytes - before.walBytes };
}

/** What a table takes on disk with its indexes and all, in bytes. */
export async function sizeOf(pool: Pool, table: string): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>(
    "select pg_total_relation_size($1::regclass)::text as bytes",
    [table],
  );
  return Number(rows[0]?.bytes);
}

export async function countRows(pool: Pool, table: string): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(`select count(*)::text from ${table}`);
  return Number(rows[0]?.count);
}

/** Connections that programs of ours hold in a database, by those who are not the laboratory. */
export async function connectionsOf({ pool, name }: Database): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer from pg_stat_activity
      where datname = $1 and application_name like 'centralcloud%'`,
    [name],
  );
  return rows[0]?.count ?? 0;
}
