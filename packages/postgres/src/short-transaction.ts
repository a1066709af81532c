import type { ClientBase } from "pg";

/**
 * Looks at something in a transaction that can only read, and each of whose statements may take so long; with
 * `set local`, so that it works behind a pooler, too.
 *
 * @param statementMs milliseconds a statement.
 * @param lockMs milliseconds a lock that it waits for; default: as long as the statement may take.
 */
export async function inShortTransaction<Result>(
  client: ClientBase,
  statementMs: number,
  work: (client: ClientBase) => Promise<Result>,
  lockMs = statementMs,
): Promise<Result> {
  try {
    await client.query(
      `begin read only; set local statement_timeout = ${Math.round(statementMs)}; set local lock_timeout = ${Math.round(lockMs)}`,
    );
    return await work(client);
  } finally {
    // There is nothing to keep. Where this fails, too, whoever has the connection sees that it is broken.
    await client.query("rollback");
  }
}
