import { mergeBy } from "@centralcloud/central";
import { contractFor, queueNames } from "@centralcloud/contracts";
import { beforeAll, describe, expect, test } from "vitest";
import { createLoad, type Load } from "../../../tools/chaos/load/load.ts";
import type { LoadMessage } from "../../../tools/chaos/load/message.ts";
import { CentralModel } from "../../../tools/chaos/oracle/central-model.ts";
import { compareStores } from "../../../tools/chaos/oracle/compare-stores.ts";
import { jsonbText } from "../../../tools/chaos/oracle/jsonb-text.ts";
import { readStore } from "../../../tools/chaos/oracle/read-store.ts";
import type { Queryable } from "../../../tools/chaos/servers/chaos-database.ts";
import { type TestDatabase, useSystem } from "../../support/databases.ts";
import { failOnLeaks } from "../../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);

const sourceIds = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
const options = { seed: 7, messages: 1_000, sources: 2, maxMessageBytes: 4_096 };
let load: Load;
let messages: readonly LoadMessage[];

beforeAll(async () => {
  load = await createLoad({ ...options, badShare: 0.1, poisonMessages: 2 });
  messages = Array.from({ length: load.count }, (_, number) => load.message(number));
});

function queryable({ pool }: TestDatabase): Queryable {
  return { query: async (text, values) => (await pool.query(text, values)).rows };
}

test("the same seed gives the same messages, and another one others", async () => {
  const again = await createLoad({ ...options, badShare: 0.1, poisonMessages: 2 });
  const other = await createLoad({ ...options, seed: 8, badShare: 0.1, poisonMessages: 2 });
  for (const message of messages) expect(again.message(message.number)).toEqual(message);
  expect(other.message(0).body).not.toBe(messages[0]?.body);
});

test("messages of every outcome are dealt, and their contracts agree about which they accept", () => {
  const outcomes = new Map(messages.map(({ outcome }) => [outcome, 0]));
  for (const { queue, body, outcome } of messages) {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    expect(contractFor(queue).check(body).ok, body).toBe(outcome !== "invalid");
  }
  expect(outcomes.get("delivery-limit")).toBe(2);
  expect([...outcomes.keys()].sort()).toEqual([
    "delivery-limit",
    "failed",
    "invalid",
    "merged",
    "rejected",
    "too-large",
    "unreadable",
  ]);
});

test("the model writes a document as PostgreSQL does", async () => {
  const bodies = messages.map(({ body }) => body);
  const { rows } = await system.central.pool.query<{ text: string }>(
    "select b::jsonb::text as text from unnest($1::text[]) with ordinality as u (b, n) order by n",
    [bodies],
  );
  expect(bodies.map(jsonbText)).toEqual(rows.map(({ text }) => text));
});

async function mergeAll(): Promise<void> {
  for (const [source, sourceId] of sourceIds.entries()) {
    for (const queue of queueNames) {
      const own = messages.filter(
        (message) =>
          message.outcome === "merged" && message.source === source && message.queue === queue,
      );
      await mergeBy(contractFor(queue).merge)(system.central.pool, {
        sourceId,
        queue,
        messages: own.map(({ number, body }) => ({
          msgId: String(number),
          enqueuedAt: "2025-10-25T10:00:00.123456+00:00",
          document: documentOf(body),
        })),
      });
    }
  }
}

function documentOf(body: string): string {
  const value: unknown = JSON.parse(body);
  return typeof value === "string" ? value : body;
}

describe("the oracle", () => {
  // A source that no consumer has registered is entered under its id.
  const model = new CentralModel(sourceIds.map((sourceId) => ({ sourceId, name: sourceId })));
  beforeAll(async () => {
    for (const message of messages) model.add(message);
    await mergeAll();
  });

  async function differences(): Promise<string[]> {
    const store = await readStore(queryable(system.central));
    return compareStores(model.content(), store).map(({ text }) => text);
  }

  test("finds what the merges made of the messages as it should be", async () => {
    expect(await differences()).toEqual([]);
  });

  const some = (table: string, key: string) =>
    `${key} = (select min(${key}) from central.${table})`;

  test.each([
    [
      "a pattern counted twice",
      `update central.patterns set observation_count = observation_count + 1 where ${some("patterns", "fingerprint::text")}`,
      [/^patterns \(.*\): observation_count is \d+, expected \d+$/],
    ],
    [
      "a sum that lost its last digit",
      "update central.patterns set confidence_sum = confidence_sum - 1e-30 where confidence_sum = (select max(confidence_sum) from central.patterns)",
      [/^patterns \(.*\): confidence_sum is /],
    ],
    [
      "an agent that is missing",
      "delete from central.pattern_agents where ctid = (select min(ctid) from central.pattern_agents)",
      [/^pattern_agents \(.*\) is missing$/],
    ],
    [
      "a session that is a microsecond too old",
      `update central.agent_sessions set synced_at = synced_at - interval '1 microsecond' where ${some("agent_sessions", "source_id::text || session_id")}`,
      [/^agent_sessions \(.*\): synced_at is /],
    ],
    [
      "a summary that nobody sent",
      `insert into central.knowledge_summaries values ('${sourceIds[0]}', '2001-01-01', 1, 1)`,
      [/^knowledge_summaries \(.*\) is there, and no message made it$/],
    ],
  ])("names %s", async (_, tamper, expected) => {
    const { pool } = system.central;
    const client = await pool.connect();
    try {
      await client.query("begin");
      const { rowCount } = await client.query(tamper);
      expect(rowCount).toBe(1);
      const query: Queryable["query"] = async (text, values) =>
        (await client.query(text, values)).rows;
      const found = compareStores(model.content(), await readStore({ query }));
      expect(found.map(({ text }) => text)).toEqual(
        expected.map((pattern) => expect.stringMatching(pattern)),
      );
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});
