import { mergeBy } from "@centralcloud/central";
import { contractFor, queueNames } from "@centralcloud/contracts";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { queueCases } from "../support/queue-cases.ts";

const system = useSystem();
failOnLeaks();

/** One connection, so that PostgreSQL comes to use plans for any number of messages (from the sixth call on). */
let central: pg.Pool;
beforeAll(() => {
  central = new pg.Pool({
    connectionString: system.central.url,
    max: 1,
    idleTimeoutMillis: 0,
    statement_timeout: 15_000,
  });
});
afterAll(() => central.end());

const size = 10_000;
const at = "2025-10-25T10:00:00Z";

test.each(queueNames)(
  "the largest batch of %s never costs the square of its size",
  async (queue) => {
    const merge = mergeBy(contractFor(queue).merge);
    for (let call = 0; call < 7; call++) {
      const messages = Array.from({ length: size }, (_, index) => ({
        msgId: String(call * size + index),
        enqueuedAt: at,
        document: JSON.stringify(queueCases[queue].distinct(index)),
      }));
      const sourceId = "00000000-0000-4000-8000-000000000001";
      const counts = await merge(central, { sourceId, queue, messages });
      expect(counts).toEqual({ merged: size, duplicates: 0 });
    }
  },
  120_000,
);
