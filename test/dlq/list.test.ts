import {
  type DeadLetterFilter,
  exportDeadLetters,
  findDeadLetter,
  groupDeadLetters,
  listDeadLetters,
  SelectionError,
} from "@centralcloud/dead-letters";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import {
  collect,
  emptyQueues,
  judge,
  patterns,
  putDeadLetter,
  putOddDeadLetter,
  scopeOf,
  sourceOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
let second: TestDatabase;
beforeAll(async () => {
  second = await createTestDatabase("source");
});
afterAll(() => dropTestDatabase(second));
afterEach(() => emptyQueues(system));

async function idsOf(filter: DeadLetterFilter): Promise<string[]> {
  const page = await listDeadLetters(await scopeOf(system), filter, { limit: 100 });
  return page.deadLetters.map(({ id }) => id);
}

test("pages over sources and queues give every dead letter once, newest first, also where times are equal", async () => {
  const queues = [patterns, "agent-sessions", "agent-knowledge-updates"] as const;
  let expected = 0;
  for (const database of [system.singularity, second]) {
    for (const queue of queues) {
      for (const minute of ["01", "02", "02", "02", "03"]) {
        await putDeadLetter(database, { queue, at: `2026-01-01T00:${minute}:00Z` });
        expected += 1;
      }
    }
  }
  const scope = { sources: [await sourceOf(system.singularity), await sourceOf(second)], queues };
  const seen: string[] = [];
  const times: string[] = [];
  let after: string | null | undefined;
  while (after !== null) {
    const page = await listDeadLetters(scope, {}, { limit: 4, ...(after ? { after } : {}) });
    expect(page.deadLetters.length).toBeLessThanOrEqual(4);
    seen.push(...page.deadLetters.map((one) => `${one.sourceId} ${one.queue} ${one.id}`));
    times.push(...page.deadLetters.map(({ at }) => at));
    after = page.next;
  }
  expect(new Set(seen).size).toBe(expected);
  expect(seen).toHaveLength(expected);
  expect(times).toEqual(times.toSorted().reverse());
});

test("a cursor that no list ended with is refused", async () => {
  const scope = await scopeOf(system);
  for (const after of ["", "x", Buffer.from('["now","1","x"]').toString("base64url")]) {
    await expect(listDeadLetters(scope, {}, { limit: 1, after })).rejects.toThrow(SelectionError);
  }
});

describe("a filter", () => {
  test("selects by reason, code, time, text and jsonpath, alone and together", async () => {
    const old = await putDeadLetter(system.singularity, { at: "2026-01-01T00:00:00Z" });
    const rejected = await putDeadLetter(system.singularity, { reason: "rejected", code: "23514" });
    const high = await putDeadLetter(system.singularity, {
      original: patternMessage({ confidence: 2, agent_id: "Agent-Ünique" }),
    });
    expect(await idsOf({ reasons: ["rejected"] })).toEqual([rejected]);
    expect(await idsOf({ reasons: ["rejected", "invalid"] })).toEqual([high, rejected, old]);
    expect(await idsOf({ codes: ["23514"] })).toEqual([rejected]);
    expect(await idsOf({ since: { secondsAgo: 3600 } })).toEqual([high, rejected]);
    expect(await idsOf({ until: { at: "2026-01-01T00:00:00Z" } })).toEqual([old]);
    expect(
      await idsOf({ since: { at: "2026-01-01T00:00:00.000001Z" }, reasons: ["invalid"] }),
    ).toEqual([high]);
    expect(await idsOf({ text: "agent-ünique" })).toEqual([high]);
    expect(await idsOf({ text: "%" })).toEqual([]);
    expect(await idsOf({ path: "$.confidence > 1" })).toEqual([high]);
    expect(await idsOf({ path: "$ ? (@.confidence > 1)" })).toEqual([high]);
    expect(await idsOf({ path: 'strict $.agent_id starts with "Agent"' })).toEqual([high]);
    expect(await idsOf({ path: "$.confidence > 1", reasons: ["rejected"] })).toEqual([]);
    expect(await idsOf({ ids: ["0", `00${old}`] })).toEqual([old]);
  });

  test("that is a predicate passes no message for which it is unknown", async () => {
    await putDeadLetter(system.singularity, { original: patternMessage({ confidence: "high" }) });
    await putOddDeadLetter(system.singularity, '{"original_message": [1, {"confidence": null}]}');
    expect(await idsOf({ path: "$.confidence > 1" })).toEqual([]);
    // Comparing it takes a time zone; that is no reason to fail.
    const path = '$.learned_at.datetime() > "2026-01-01".datetime()';
    expect(await idsOf({ path })).toEqual([]);
  });

  test("that is no jsonpath is refused with what is wrong", async () => {
    await expect(idsOf({ path: "$.a >" })).rejects.toThrow(/"\$\.a >" is not a jsonpath/);
    await expect(idsOf({ path: '$ ? (@.a like_regex "(")' })).rejects.toThrow(SelectionError);
  });
});

test("groups count dead letters by why they died, over lists, sources and queues", async () => {
  for (const index of [0, 1, 2]) {
    await putDeadLetter(system.singularity, {
      error: `agents[${index}].confidence must be between 0 and 1`,
    });
    await putDeadLetter(second, { error: `agents[${index}].confidence must be between 0 and 1` });
  }
  await putDeadLetter(system.singularity, { reason: "rejected", code: "23514", error: "no" });
  const sources = [await sourceOf(system.singularity), await sourceOf(second)];
  const filter = { since: { secondsAgo: 3600 } };
  const found = await groupDeadLetters({ sources, queues: [patterns] }, filter, { limit: 1 });
  expect(found).toMatchObject({
    groups: [{ count: 6, reason: "invalid", error: "agents[].confidence must be between 0 and 1" }],
    others: 1,
  });
});

test("numbers keep every digit in a list, a dead letter and an export", async () => {
  const original = `{"agent_id":"a","pattern":{"n":12345678901234567890,"m":0.10},"learned_at":"2025-10-25T10:00:00Z"}`;
  const id = await putDeadLetter(system.singularity, { original });
  const scope = await scopeOf(system);
  const page = await listDeadLetters(scope, {}, { limit: 1, withMessages: true });
  const shown = await findDeadLetter(scope, id, judge);
  const lines = await collect(exportDeadLetters(scope, {}));
  for (const text of [page.deadLetters[0]?.originalMessage, shown.body, lines.join("")]) {
    expect(text).toContain(`"m": 0.10, "n": 12345678901234567890`);
  }
});

test("odd dead letters of other clients are listed, shown, grouped, exported and filtered", async () => {
  const bodies = [
    null,
    "null",
    "1",
    '"text"',
    "[]",
    "{}",
    '{"reason": {"a": 1}, "error": "a sentence", "attempts": 7, "original_headers": [1]}',
    '{"original_message": null, "error": [1], "attempts": [1, null, {"error": 2}], "original_message_id": "x"}',
    '{"original_message": "\\"inner\\"", "original_headers": {"replay_count": 1e300, "attempts": {}, "replay_of": "z"}}',
    '{"original_message": 1, "error": {"code": {"x": 1}, "message": null}, "dead_lettered_at": 5, "original_enqueued_at": "2025-02-30T00:00:00+00:00", "original_message_id": 1e40}',
  ];
  const ids: string[] = [];
  for (const body of bodies)
    ids.unshift(await putOddDeadLetter(system.singularity, body, '["odd"]'));
  const scope = await scopeOf(system);
  expect(await idsOf({})).toEqual(ids);
  for (const id of ids) {
    const deadLetter = await findDeadLetter(scope, id, judge);
    expect(deadLetter.now.accepted).toBe(false);
    expect(JSON.parse(deadLetter.history)).toBeInstanceOf(Array);
  }
  const { groups } = await groupDeadLetters(scope, {}, { limit: 100 });
  expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(bodies.length);
  expect(await collect(exportDeadLetters(scope, {}))).toHaveLength(bodies.length);
  const filter = { text: "x", reasons: ["x"], codes: ["x"], path: "$.a == 1" };
  expect(await idsOf(filter)).toEqual([]);
});

test("a dead letter of many megabytes is listed without its message, and exported whole", async () => {
  const length = 40_000_000;
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}-dlq" (vt, message)
     select clock_timestamp(), jsonb_build_object('reason', 'too-large', 'original_message',
       jsonb_build_object('text', repeat('x', $1)))`,
    [length],
  );
  const scope = await scopeOf(system);
  const { deadLetters } = await listDeadLetters(scope, {}, { limit: 10, withMessages: true });
  expect(deadLetters).toMatchObject([{ reason: "too-large", originalMessage: null }]);
  const deadLetter = await findDeadLetter(scope, deadLetters[0]?.id ?? "", judge);
  expect(deadLetter.now).toMatchObject({ accepted: false, contract: null });
  expect(deadLetter.body?.length).toBeGreaterThan(length);
  const [line] = await collect(exportDeadLetters(scope, {}));
  expect(line?.length).toBeGreaterThan(length);
});

test("the last page of 100,000 dead letters is found through the index, as the first one is", async () => {
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}-dlq" (vt, enqueued_at, message)
     select now(), timestamptz '2026-01-01' + i * interval '1 second', '{"reason": "invalid"}'
       from generate_series(1, 100000) i`,
  );
  await system.singularity.pool.query(`analyze pgmq."q_${patterns}-dlq"`);
  // One connection, whose counters of table accesses are its own.
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: system.singularity.url,
    max: 1,
  });
  try {
    const source = { ...(await sourceOf(system.singularity)), pool };
    const scope = { sources: [source], queues: [patterns] as const };
    const last = { at: "2026-01-01T00:05:00.000000Z", id: "99999999", place: "" };
    const after = Buffer.from(JSON.stringify([last.at, last.id, "z"])).toString("base64url");
    const accesses = async () => {
      await pool.query("select pg_stat_force_next_flush()");
      const { rows } = await pool.query<{ scans: number; rows: number }>(
        `select seq_scan::integer as scans, idx_tup_fetch::integer as rows
           from pg_stat_user_tables where relname = $1`,
        [`q_${patterns}-dlq`],
      );
      return rows[0] as { scans: number; rows: number };
    };
    for (const options of [{ limit: 50 }, { limit: 50, after }]) {
      const before = await accesses();
      const page = await listDeadLetters(scope, {}, options);
      expect(page.deadLetters).toHaveLength(50);
      const end = await accesses();
      expect(end.scans - before.scans).toBe(0);
      expect(end.rows - before.rows).toBeGreaterThanOrEqual(50);
      expect(end.rows - before.rows).toBeLessThanOrEqual(60);
    }
  } finally {
    await pool.end();
  }
});
