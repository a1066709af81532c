import { mergeKnowledge, mergePatterns, mergeSessions } from "@centralcloud/central";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

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

test.each([
  {
    queue: "centralcloud-new-patterns",
    merge: mergePatterns,
    document: (n: number) => ({ agent_id: n % 50, pattern: { n }, learned_at: at }),
  },
  {
    queue: "agent-sessions",
    merge: mergeSessions,
    document: (n: number) => ({ agent_id: "a", session_id: n, session_state: {}, synced_at: at }),
  },
  {
    queue: "agent-knowledge-updates",
    merge: mergeKnowledge,
    document: (n: number) => ({
      agents_updated: 1,
      total_patterns: n,
      updated_at: at,
      agents: [{ agent_id: n, pattern_count: 1 }],
    }),
  },
])(
  "the largest batch of $queue never costs the square of its size",
  async ({ queue, merge, document }) => {
    for (let call = 0; call < 7; call++) {
      const messages = Array.from({ length: size }, (_, index) => ({
        msgId: String(call * size + index),
        enqueuedAt: at,
        document: JSON.stringify(document(index)),
      }));
      const sourceId = "00000000-0000-4000-8000-000000000001";
      const counts = await merge(central, { sourceId, queue, messages });
      expect(counts).toEqual({ merged: size, duplicates: 0 });
    }
  },
  120_000,
);
