import type { QueueName } from "@centralcloud/contracts";
import type { TestDatabase } from "../support/databases.ts";
import type { StoredRow } from "../support/queue-cases/queue-case.ts";
import { queueCases } from "../support/queue-cases.ts";
import { inUtc } from "./expected-content.ts";

/** The rows of the central store that hold what single messages of a queue said. */
export async function storedRows(central: TestDatabase, queue: QueueName) {
  const { stored, keyOf } = queueCases[queue];
  const found = await inUtc(central, (client) => client.query<StoredRow>(stored));
  const byKey = new Map(found.rows.map((row) => [row.key, row]));
  return {
    rowOf(mark: number, expected: StoredRow): StoredRow | undefined {
      return byKey.get(keyOf(mark, expected));
    },
  };
}
