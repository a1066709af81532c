import { deadLetterReasons, deadLetterSchema, queueNames } from "@centralcloud/contracts";
import type { PoolClient } from "pg";
import { expect } from "vitest";
import type { TestDatabase } from "../support/databases.ts";
import { queueCases } from "../support/queue-cases.ts";

/** Runs queries on a connection that writes times in UTC. */
export async function inUtc<Result>(
  { pool }: TestDatabase,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query("set timezone = 'UTC'");
    return await work(client);
  } finally {
    client.release();
  }
}

/** Fails unless the central store is exactly what the archived messages of its one source make. */
export async function expectCentralToEqualArchives(
  source: TestDatabase,
  central: TestDatabase,
): Promise<void> {
  const lines = (database: TestDatabase, query: string) =>
    inUtc(database, async (client) => {
      const { rows } = await client.query<{ line: string }>(
        `select t::text as line from (${query}) t`,
      );
      return rows.map(({ line }) => line).sort();
    });
  const accounts = queueNames.flatMap((queue) => Object.entries(queueCases[queue].accounts));
  for (const [name, account] of accounts) {
    const expected = await lines(source, account.archived);
    expect(expected.length, name).toBeGreaterThan(0);
    expect(await lines(central, account.central), name).toEqual(expected);
  }
}

export interface DeadLetter {
  readonly msgId: string;
  readonly reason: string;
  readonly readCount: number;
  readonly code: string;
  readonly issues: readonly { readonly path: string; readonly code: string }[];
}

/** The dead letters of a queue, each found to be in form, and to hold what was sent, to the last digit. */
export async function checkedDeadLetters(
  { pool }: TestDatabase,
  queue: string,
): Promise<ReadonlyMap<string, DeadLetter>> {
  const { rows } = await pool.query<{ deadLetter: object; same: boolean; msg_id: string }>(
    // A dead letter can't tell SQL's null from JSON's.
    `select s.msg_id::text, d.message - '{original_message,original_headers}'::text[] as "deadLetter",
            coalesce(s.message::text, 'null')
              = case when d.message -> 'as_text' ? 'original_message' then d.message ->> 'original_message'
                     else (d.message -> 'original_message')::text end
            and coalesce(s.headers, 'null') = d.message -> 'original_headers' as same
       from pgmq."q_${queue}-dlq" d
       left join sent s on s.queue = $1 and s.msg_id = (d.message ->> 'original_message_id')::bigint`,
    [queue],
  );
  const deadLetters = new Map<string, DeadLetter>();
  for (const { deadLetter, same, msg_id: msgId } of rows) {
    expect(same, `the dead letter of ${queue} ${msgId} holds what was sent`).toBe(true);
    const {
      reason,
      read_count: readCount,
      error,
    } = deadLetterSchema.parse({
      ...deadLetter,
      original_message: null,
      original_headers: null,
    });
    expect(deadLetterReasons).toContain(reason);
    deadLetters.set(msgId, {
      msgId,
      reason,
      readCount,
      code: error.code,
      issues: error.issues ?? [],
    });
  }
  expect(deadLetters.size, "each message has at most one dead letter").toBe(rows.length);
  return deadLetters;
}
