import { afterEach, describe, expect, test } from "vitest";
import { deadLettersOf, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { readFixtures } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
const fixtures = readFixtures();

/** What the accepted fixtures must have become, by their note. */
const expectedRows: Readonly<Record<string, { readonly sql: string; readonly row: unknown }>> = {
  "documented form": {
    sql: `select (select array[observation_count::text, confidence_mean::numeric(3,2)::text, last_learned_at::text]
                    from central.patterns where pattern = '{"name":"gen_server_pattern","ecosystem":"elixir"}') as pattern,
                 (select array[agent_id, session_state::text, confidence::text, synced_at::text]
                    from central.agent_sessions where session_id = '01ARZ3NDEKTSV4RRFFQ69G5FAV') as session,
                 (select array[agents_updated::text, total_patterns::text] from central.knowledge_summaries) as knowledge`,
    row: {},
  },
  "numeric agent, offset other than UTC, microseconds": {
    sql: `select a.agent_id, a.last_learned_at::text, p.pattern::text from central.patterns p
            join central.pattern_agents a using (fingerprint) where p.pattern @> '{"max":3}'`,
    row: {
      agent_id: "7",
      last_learned_at: "2025-10-25 10:00:00.123456+00",
      pattern: '{"max": 3, "type": "retry"}',
    },
  },
  "encoded twice": {
    sql: `select confidence_max::text, pattern::text from central.patterns where pattern = '{"name":"x"}'`,
    row: { confidence_max: "0.8", pattern: '{"name": "x"}' },
  },
  "no confidence: 0.5": {
    sql: `select confidence_max::text from central.patterns where pattern = '{"k":"v"}'`,
    row: { confidence_max: "0.5" },
  },
  "decimal as string": {
    sql: `select confidence_max from central.patterns where pattern = '{"k":"v2"}' and confidence_max = 0.95`,
    row: { confidence_max: "0.95" },
  },
  "numbers beyond a double must survive in the stored pattern": {
    sql: `select pattern::text, fingerprint = sha256(convert_to(pattern::text, 'UTF8')) as fingerprint
            from central.patterns where pattern ? 'big'`,
    row: { pattern: '{"big": 12345678901234567890, "exact": 0.10}', fingerprint: true },
  },
  "uuid id, no ulid, empty state": {
    sql: `select agent_id, session_state::text, ulid from central.agent_sessions
           where session_id = '0186cb65-25d7-81da-815c-7e25a6bfe7db'`,
    row: { agent_id: "agent-123", session_state: "{}", ulid: null },
  },
};

const documentedRows: Readonly<Record<string, unknown>> = {
  "centralcloud-new-patterns": { pattern: ["1", "0.95", "2025-10-25 10:00:00+00"] },
  "agent-sessions": {
    session: [
      "agent-123",
      '{"goal": "refactor", "step": 4}',
      "0.85",
      "2025-10-25 10:00:00.000001+00",
    ],
  },
  "agent-knowledge-updates": { knowledge: ["5", "127"] },
};

describe("each fixture gets its result", () => {
  afterEach(async () => {
    for (const queue of new Set(fixtures.map((fixture) => fixture.queue))) {
      await system.singularity.pool.query(`truncate pgmq."q_${queue}-dlq"`);
    }
  });

  test.each(fixtures)("$queue, $note: $result", async ({ queue, result, note, text }) => {
    await queuesOf(system).send(queue, text);
    const { report } = await drainAll(system);
    const deadLetters = await deadLettersOf(system, queue);
    if (result !== "accept") {
      expect(report).toMatchObject({ processed: 0, deadLettered: 1 });
      expect(deadLetters.map((deadLetter) => deadLetter.reason)).toEqual([result]);
      return;
    }
    expect(deadLetters).toEqual([]);
    expect(report).toMatchObject({ processed: 1, duplicates: 0, deadLettered: 0, released: 0 });
    const { sql, row } = expectedRows[note] ?? { sql: "", row: undefined };
    const { rows } = await system.central.pool.query(sql);
    expect(rows).toEqual([
      note === "documented form" ? expect.objectContaining(documentedRows[queue] as object) : row,
    ]);
  });
});

test("an invalid message's dead letter names every issue by its path", async () => {
  const fixture = fixtures.find(({ note }) => note.startsWith("pattern null"));
  await queuesOf(system).send("centralcloud-new-patterns", fixture?.text ?? "");
  await drainAll(system);
  const [deadLetter] = await deadLettersOf(system, "centralcloud-new-patterns");
  expect(deadLetter).toMatchObject({
    queue: "centralcloud-new-patterns",
    reason: "invalid",
    original_message: JSON.parse(fixture?.text ?? ""),
    original_headers: null,
    read_count: 1,
    attempts: [],
  });
  const paths = deadLetter?.error.issues?.map((issue) => issue.path);
  expect(paths?.toSorted()).toEqual(["confidence", "learned_at", "pattern"]);
  expect(Object.keys(deadLetter ?? {}).toSorted()).toEqual([
    "attempts",
    "consumer",
    "dead_lettered_at",
    "error",
    "original_enqueued_at",
    "original_headers",
    "original_message",
    "original_message_id",
    "queue",
    "read_count",
    "reason",
  ]);
});
