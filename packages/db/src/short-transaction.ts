import type { ClientBase, Pool } from "pg";

/**
 * Looks at something in a transaction that can only read, and each of whose statements may take so long; with
 * `set local`, so that it works behind a pooler, too. A connection that failed is not used again.
 *
 * @param statementMs milliseconds a statement.
 */
export async function inShortTransaction<Result>(
  pool: Pool,
  statementMs: number,
  work: (client: ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let isBroken = true;
  try {
    await client.query("begin read only");
    await client.query(`set local statement_timeout = ${Math.round(statementMs)}`);
    const result = await work(client);
    await client.query("commit");
    isBroken = false;
    return result;
  } finally {
    client.release(isBroken);
  }
}
