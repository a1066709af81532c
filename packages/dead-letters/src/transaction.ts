import type { Pool, PoolClient } from "pg";

/** Another transaction took the same free id, or the same rows in another order: the work may be done anew. */
const retryable = new Set(["23505", "40001", "40P01"]);
const maxTries = 5;

/**
 * Runs `work` in a transaction of its own, and anew when it collided with another one. A connection
 * that broke is not used again.
 */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    const client = await pool.connect();
    let broken: Error | undefined;
    // A connection that breaks between two statements says so by an event only.
    const onError = (error: Error) => {
      broken = error;
    };
    client.on("error", onError);
    try {
      await client.query("begin");
      const result = await work(client);
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch((failure: Error) => {
        broken = failure;
      });
      const { code } = error as { code?: string };
      if (tries === maxTries || !retryable.has(code ?? "")) throw error;
    } finally {
      client.off("error", onError);
      client.release(broken);
    }
  }
}
