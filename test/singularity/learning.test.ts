import { beforeEach, describe, expect, test } from "vitest";
import { whileInTransaction } from "../support/concurrently.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const db = () => system.singularity.pool;

beforeEach(async () => {
  await db().query(
    `truncate analysis_results, learned_patterns restart identity; truncate pgmq."q_${queue}"`,
  );
});

async function learn(
  limit?: number,
): Promise<{ patterns_learned: number; patterns_queued: number }> {
  const { rows } = await db().query(
    limit === undefined
      ? "select * from learn_patterns_from_analysis()"
      : `select * from learn_patterns_from_analysis(${limit})`,
  );
  return rows[0];
}

async function insert(...values: string[]): Promise<void> {
  for (const value of values) {
    await db().query(
      `insert into analysis_results (agent_id, result, confidence, learned) values (${value})`,
    );
  }
}

describe("what can't be learned", () => {
  test.each([
    ["no result", "'a', null, 0.5, false", "result is missing"],
    ["a result that is no object", "'a', '[1]', 0.5, false", "result is not a JSON object"],
    ["a JSON null", "'a', 'null', 0.5, false", "result is not a JSON object"],
    ["confidence 7", "'a', '{}', 7, false", "confidence is not between 0 and 1"],
    ["confidence NaN", "'a', '{}', 'NaN', false", "confidence is not between 0 and 1"],
    ["no agent", "null, '{}', 0.5, false", "agent_id is missing"],
    ["an empty agent", "'', '{}', 0.5, false", "agent_id is missing"],
    [
      "an endless agent",
      "repeat('a', 513), '{}', 0.5, false",
      "agent_id is longer than 512 characters",
    ],
  ])("%s is marked with its reason and stops nobody", async (_, bad, reason) => {
    await insert(bad, `'agent-1', '{"type":"retry"}', 0.95, false`);
    expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 1 });
    const { rows } = await db().query(
      "select learned, learn_error from analysis_results order by id",
    );
    expect(rows).toEqual([
      { learned: false, learn_error: reason },
      { learned: true, learn_error: null },
    ]);
    expect(await learn()).toEqual({ patterns_learned: 0, patterns_queued: 0 });
  });

  test("a queue that is gone stops no learning: the patterns wait, each with the reason", async () => {
    await insert(`'a', '{"n":1}', 0.5, false`);
    await db().query("select pgmq.drop_queue($1)", [queue]);
    expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 0 });
    const { rows } = await db().query("select synced_at, sync_error from learned_patterns");
    expect(rows).toEqual([
      { synced_at: null, sync_error: expect.stringContaining("does not exist") },
    ]);

    await db().query("select pgmq.create($1)", [queue]);
    const synced = await db().query("select * from sync_learning_to_centralcloud()");
    expect(synced.rows).toEqual([{ batch_id: expect.any(String), pattern_count: 1 }]);
  });
});

test("the oldest are learned first, learned null and false alike, up to the limit", async () => {
  await insert(
    `'a', '{"n":1}', 0.1, false`,
    `'a', '{"n":2}', 0.2, null`,
    `'a', '{"n":3}', 0.3, true`,
    `'a', '{"n":4}', null, default`,
    `'a', '{"n":5}', 0.5, false`,
  );
  await db().query(
    "update analysis_results set created_at = created_at - interval '1 day' where id = 5",
  );
  expect(await learn(2)).toEqual({ patterns_learned: 2, patterns_queued: 2 });
  expect(await learn(2)).toEqual({ patterns_learned: 2, patterns_queued: 2 });
  expect(await learn(2)).toEqual({ patterns_learned: 0, patterns_queued: 0 });
  const { rows } = await db().query(
    "select (pattern ->> 'n')::integer as n, confidence::text from learned_patterns order by id",
  );
  expect(rows.map((row) => row.n).sort()).toEqual([1, 2, 4, 5]);
  expect(
    rows
      .slice(0, 2)
      .map((row) => row.n)
      .sort(),
  ).toEqual([1, 5]);
  expect(rows.find((row) => row.n === 4)?.confidence).toBe("0.5");
});

test("a call takes 1,000 by default", async () => {
  await db().query(
    `insert into analysis_results (agent_id, result) select 'a', jsonb_build_object('n', i) from generate_series(1, 1001) i`,
  );
  expect(await learn()).toEqual({ patterns_learned: 1000, patterns_queued: 1000 });
  expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 1 });
});

test("messages have the documented body, headers, and every digit", async () => {
  await insert(`'agent-1', '{"big":12345678901234567890,"exact":0.10}', 0.950, false`);
  await learn();
  const { rows } = await db().query(
    `select message::text, headers, (message ->> 'learned_at')::timestamptz = l.learned_at as same_time
       from pgmq."q_${queue}", learned_patterns l`,
  );
  expect(rows).toEqual([
    {
      message: expect.stringContaining('"pattern": {"big": 12345678901234567890, "exact": 0.10}'),
      headers: {
        schema: "pattern/1",
        message_id: expect.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
      },
      same_time: true,
    },
  ]);
  const message = JSON.parse(rows[0].message);
  expect(message).toMatchObject({
    agent_id: "agent-1",
    confidence: 0.95,
    source: "singularity-learning",
  });
});

test("two callers at once never learn a row twice, and do not wait for each other", async () => {
  await db().query(
    `insert into analysis_results (agent_id, result) select 'a', jsonb_build_object('n', i) from generate_series(1, 30) i`,
  );
  const second = await whileInTransaction(
    db(),
    (client) => client.query("select * from learn_patterns_from_analysis(10)"),
    () => learn(),
  );
  expect(second).toEqual({ patterns_learned: 20, patterns_queued: 20 });
  const { rows } = await db().query(
    `select count(*)::integer as learned, count(distinct analysis_id)::integer as rows,
            (select count(*)::integer from pgmq."q_${queue}") as queued from learned_patterns`,
  );
  expect(rows).toEqual([{ learned: 30, rows: 30, queued: 30 }]);
});

test("many callers at once learn everything exactly once", async () => {
  await db().query(
    `insert into analysis_results (agent_id, result) select 'a', jsonb_build_object('n', i) from generate_series(1, 500) i`,
  );
  const results = await Promise.all(Array.from({ length: 12 }, () => learn(100)));
  const learned = results.reduce((sum, result) => sum + result.patterns_learned, 0);
  expect(learned + (await learn()).patterns_learned).toBe(500);
  const { rows } = await db().query(
    "select count(distinct analysis_id)::integer as count from learned_patterns",
  );
  expect(rows).toEqual([{ count: 500 }]);
});

test("learning, marking and queueing happen together or not at all", async () => {
  await insert(`'a', '{"n":1}', 0.5, false`);
  const client = await db().connect();
  await client.query("begin");
  await client.query("select * from learn_patterns_from_analysis()");
  await client.query("rollback");
  client.release();
  const { rows } = await db().query(
    `select learned, (select count(*)::integer from learned_patterns) as patterns,
            (select count(*)::integer from pgmq."q_${queue}") as queued from analysis_results`,
  );
  expect(rows).toEqual([{ learned: false, patterns: 0, queued: 0 }]);
});

test("finding the unlearned costs the same, however many are learned", async () => {
  await db().query(
    `insert into analysis_results (agent_id, result, learned)
     select 'a', '{}', i > 100 from generate_series(1, 60000) i; analyze analysis_results`,
  );
  const { rows } = await db().query<{ "QUERY PLAN": string }>(
    `explain (analyze, buffers) select id from analysis_results
      where learned is not true and learn_error is null order by created_at, id limit 1000`,
  );
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toContain("analysis_results_unlearned_idx");
  const pages = /shared (?:hit=(\d+))?\s*(?:read=(\d+))?/.exec(plan);
  expect(Number(pages?.[1] ?? 0) + Number(pages?.[2] ?? 0)).toBeLessThan(130);
});

describe("manually_learn_analysis", () => {
  const manually = async (id: number) =>
    (await db().query("select manually_learn_analysis($1)::integer as id", [id])).rows[0]?.id;

  test("learns one row, queues it, and gives the pattern's id, the same when called again", async () => {
    await insert(`'a', '{"n":1}', 0.5, false`, `'a', '{"n":2}', 0.5, false`);
    const id = await manually(2);
    expect(await manually(2)).toBe(id);
    const { rows } = await db().query(
      `select l.pattern, (select count(*)::integer from pgmq."q_${queue}") as queued,
              (select learned from analysis_results where id = 1) as other from learned_patterns l where id = $1`,
      [id],
    );
    expect(rows).toEqual([{ pattern: { n: 2 }, queued: 1, other: false }]);
  });

  test("says why a row can't be learned, and learns it once it is repaired", async () => {
    await insert(`'a', '{"n":1}', 7, false`);
    await learn();
    await expect(manually(1)).rejects.toThrow(
      "can't be learned: confidence is not between 0 and 1",
    );
    await db().query("update analysis_results set confidence = 0.7");
    expect(await manually(1)).toEqual(expect.any(Number));
    const { rows } = await db().query("select learned, learn_error from analysis_results");
    expect(rows).toEqual([{ learned: true, learn_error: null }]);
  });

  test("says that there is no such row", async () => {
    await expect(manually(999)).rejects.toMatchObject({ code: "P0002" });
  });
});
