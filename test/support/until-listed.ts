import type { Pool } from "pg";
import { until } from "./until.ts";

/** Waits until so many replicas are listed; each enters itself within seconds of its start. */
export async function untilListed(central: Pool, replicas: number): Promise<void> {
  await until(`${replicas} replicas are listed`, async () => {
    const { rows } = await central.query("select from central.consumers");
    return rows.length === replicas;
  });
}
