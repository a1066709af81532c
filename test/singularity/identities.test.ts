import { beforeEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

/* An id comes back: its sequence starts anew, a table is emptied, a queue is made again. */

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const query = async (text: string, values?: unknown[]) =>
  (await system.singularity.pool.query(text, values)).rows;

beforeEach(() =>
  query(
    `truncate analysis_results, learned_patterns, agent_tasks, agent_tasks_archive, learning_sync_log restart identity;
     truncate pgmq."q_${queue}"`,
  ),
);

const learn = async () => (await query("select * from learn_patterns_from_analysis()"))[0];
const insert = (n: number) =>
  query(
    `insert into analysis_results (agent_id, result, confidence)
     values ('agent-1', jsonb_build_object('n', $1::integer), 0.5)`,
    [n],
  );
const learnedNumbers = async () =>
  (await query("select (pattern ->> 'n')::integer as n from learned_patterns order by id")).map(
    ({ n }) => n,
  );
const queuedNumbers = async () =>
  (
    await query(
      `select (message #>> '{pattern,n}')::integer as n from pgmq."q_${queue}" order by msg_id`,
    )
  ).map(({ n }) => n);

describe("analysis results under ids that were learned before", () => {
  test.each([
    ["after a truncate", "truncate analysis_results restart identity"],
    [
      "after a delete and a restart of the sequence",
      "delete from analysis_results; alter table analysis_results alter column id restart",
    ],
    [
      "after the sequence was set back",
      "delete from analysis_results; select setval(pg_get_serial_sequence('analysis_results', 'id'), 1, false)",
    ],
  ])("%s become patterns", async (_, startAnew) => {
    await insert(1);
    expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 1 });
    await query(startAnew);
    await insert(2);
    expect(await query("select id::integer from analysis_results")).toEqual([{ id: 1 }]);
    expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 1 });
    expect(await learnedNumbers()).toEqual([1, 2]);
    expect(await queuedNumbers()).toEqual([1, 2]);
  });

  test("become patterns also where they say the same as before", async () => {
    await insert(1);
    await learn();
    await query("truncate analysis_results restart identity");
    await insert(1);
    expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 1 });
    expect(await learnedNumbers()).toEqual([1, 1]);
  });

  test("become patterns when they are inserted with their ids", async () => {
    await insert(1);
    await learn();
    await query(
      `delete from analysis_results;
       insert into analysis_results (id, agent_id, result) overriding system value values (1, 'agent-1', '{"n": 2}')`,
    );
    expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 1 });
  });

  test("become patterns after an upgrade, too, whose patterns have no identity but the id", async () => {
    await insert(1);
    await learn();
    await query(
      "update learned_patterns set learning_id = null; truncate analysis_results restart identity",
    );
    await insert(2);
    const [{ id }] = await query("select manually_learn_analysis(1)::integer as id");
    expect(
      await query("select id::integer, pattern from learned_patterns where id = $1", [id]),
    ).toEqual([{ id, pattern: { n: 2 } }]);
    expect(await learnedNumbers()).toEqual([1, 2]);
  });
});

describe("one analysis result that is learned again", () => {
  test("makes no second pattern where it says the same, and one where it says something else", async () => {
    await insert(1);
    await learn();
    await query("update analysis_results set learned = false");
    expect(await learn()).toEqual({ patterns_learned: 0, patterns_queued: 0 });
    expect(await query("select learned from analysis_results")).toEqual([{ learned: true }]);
    await query(`update analysis_results set learned = null, result = '{"n": 7}'`);
    expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 1 });
    expect(await learnedNumbers()).toEqual([1, 7]);
  });

  test("is learned anew once its pattern is gone", async () => {
    await insert(1);
    await learn();
    await query("truncate learned_patterns restart identity");
    await expect(query("select manually_learn_analysis(1)")).rejects.toThrow(
      "it is marked as learned, and there is no pattern of it",
    );
    await query("update analysis_results set learned = false");
    expect(await learn()).toEqual({ patterns_learned: 1, patterns_queued: 1 });
  });

  test("gives the pattern that an older version made of it", async () => {
    await insert(1);
    await learn();
    await query(
      "update learned_patterns set learning_id = null; update analysis_results set learning_id = null",
    );
    expect(await query("select manually_learn_analysis(1)::integer as id")).toEqual([{ id: 1 }]);
  });
});

describe("tasks under an id and a time that are in the archive", () => {
  const complete = (agent: string) =>
    query(
      `insert into agent_tasks (agent_id, status, duration_ms, created_at)
       values ($1, 'completed', 5, date_trunc('day', now()) - interval '100 days')`,
      [agent],
    );
  const archive = async () => (await query("select * from archive_completed_tasks()"))[0];
  const archived = () =>
    query("select id::integer, agent_id from agent_tasks_archive order by 1, 2");

  test("join the others there, and replace none", async () => {
    await complete("agent-1");
    expect(await archive()).toEqual({ tasks_archived: 1 });
    await query("truncate agent_tasks restart identity");
    await complete("agent-2");
    expect(await archive()).toEqual({ tasks_archived: 1 });
    expect(await archived()).toEqual([
      { id: 1, agent_id: "agent-1" },
      { id: 1, agent_id: "agent-2" },
    ]);
  });

  test("are not entered twice where they are the same", async () => {
    await complete("agent-1");
    await archive();
    await query("truncate agent_tasks restart identity");
    await complete("agent-1");
    expect(await archive()).toEqual({ tasks_archived: 1 });
    expect(await archived()).toEqual([{ id: 1, agent_id: "agent-1" }]);
    expect(await query("select from agent_tasks")).toEqual([]);
  });

  test("are archived whatever id an application gave them", async () => {
    await query(
      `insert into agent_tasks (id, agent_id, status, created_at) overriding system value
       select id, 'agent-1', 'completed', now() - interval '100 days' from unnest(array[-5, 0, 5]) id`,
    );
    expect(await archive()).toEqual({ tasks_archived: 3 });
  });
});

test("a batch does not wait for messages that have its ids in a queue that was made anew", async () => {
  const batches = () =>
    query("select pattern_count, status from learning_sync_log order by batch_id");
  const sync = () => query("select * from sync_learning_to_centralcloud()");
  const insertPattern = () =>
    query("insert into learned_patterns (agent_id, pattern, confidence) values ('a', '{}', 0.5)");
  await insertPattern();
  await sync();
  await sync();
  expect(await batches()).toEqual([{ pattern_count: 1, status: "queued" }]);
  await query(`truncate pgmq."q_${queue}" restart identity`);
  await insertPattern();
  await sync();
  await sync();
  expect(await batches()).toEqual([
    { pattern_count: 1, status: "delivered" },
    { pattern_count: 1, status: "queued" },
  ]);
});

describe("what was learned before learnings had ids of their own", () => {
  const learnAsBefore = async () => {
    await insert(1);
    await learn();
    await query(
      "update analysis_results set learning_id = null; update learned_patterns set learning_id = null",
    );
  };

  test("makes no second pattern when it is set back to unlearned", async () => {
    await learnAsBefore();
    await query("update analysis_results set learned = false");
    expect(await learn()).toEqual({ patterns_learned: 0, patterns_queued: 0 });
    expect(await query("select learned from analysis_results")).toEqual([{ learned: true }]);
    expect(await queuedNumbers()).toEqual([1]);
  });

  test("does not stand for a younger result of the same id", async () => {
    await learnAsBefore();
    await query("truncate analysis_results restart identity");
    await insert(1);
    expect(await learn()).toMatchObject({ patterns_learned: 1 });
    expect(await queuedNumbers()).toEqual([1, 1]);
  });
});

test.each([
  ["22003", "value out of range", true],
  ["54000", "out of memory", true],
  ["P0001", "what a trigger raises", true],
  ["AB001", "what a trigger raises with a code of its own", true],
  ["44000", "new row violates check option", true],
  ["XX000", "invalid memory alloc request size 1073741824", true],
  ["XX000", "tuple concurrently updated", false],
  ["53200", "out of shared memory", false],
  ["42501", "permission denied", false],
])("%s (%s) is a row's own fault: %s", async (code, message, expected) => {
  const [row] = await query("select is_fault_of_row($1, $2) as found", [code, message]);
  expect(row).toEqual({ found: expected });
});
