import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { harnessName, type TestSystem } from "./databases.ts";

export interface SingleConnection {
  /** A pool of one connection: what is queried on it follows what was queried on it before. */
  readonly pool: pg.Pool;
  readonly pid: number;
}

/** Connections of the calling test file to one of its databases, besides those of the harness. */
export function useConnections(
  system: TestSystem,
  side: keyof TestSystem,
  count: number,
): readonly SingleConnection[] {
  const connections: SingleConnection[] = [];
  beforeAll(async () => {
    for (let opened = 0; opened < count; opened++) {
      const pool = new pg.Pool({
        connectionString: system[side].url,
        application_name: harnessName,
        max: 1,
        idleTimeoutMillis: 0,
      });
      const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
      connections.push({ pool, pid: rows[0]?.pid ?? 0 });
    }
  });
  afterAll(async () => {
    for (const { pool } of connections) await pool.end();
  });
  return connections;
}
