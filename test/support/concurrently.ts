import type { Pool, PoolClient } from "pg";

/** Runs `work` in a transaction of its own connection that is still open while `meanwhile` runs. */
export async function whileInTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<unknown>,
  meanwhile: () => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let isOpen = true;
  try {
    await client.query("begin");
    await work(client);
    const result = await meanwhile();
    await client.query("commit");
    isOpen = false;
    return result;
  } finally {
    // One that stayed open would keep every test of this server from making a slot.
    client.release(isOpen);
  }
}
