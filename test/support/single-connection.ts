import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { harnessName, type TestSystem } from "./databases.ts";

/**
 * Pools of one connection each, besides those of the harness: what is queried on one follows what was queried on it
 * before. A failed statement ends its connection, and the pool makes another.
 */
export function useConnections(
  system: TestSystem,
  side: keyof TestSystem,
  count: number,
): readonly pg.Pool[] {
  const pools: pg.Pool[] = [];
  beforeAll(() => {
    for (let opened = 0; opened < count; opened++) {
      const pool = new pg.Pool({
        connectionString: system[side].url,
        application_name: harnessName,
        max: 1,
        idleTimeoutMillis: 0,
      });
      // One that breaks while nobody uses it is replaced.
      pool.on("error", () => {});
      pool.on("connect", (client) => client.on("error", () => {}));
      pools.push(pool);
    }
  });
  afterAll(async () => {
    for (const pool of pools) await pool.end();
  });
  return pools;
}

/** The process that serves a pool of one connection now. */
export async function processOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}
