import { runJob } from "@centralcloud/scheduler";
import { beforeEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const db = () => system.singularity.pool;

test("agents' completed tasks are summed up in steps of five minutes", async () => {
  await db().query(
    `insert into agent_tasks (agent_id, duration_ms, status, created_at) values
       ('a', 10, 'completed', '2025-10-25 10:00:00Z'), ('a', 20, 'completed', '2025-10-25 10:04:59.999Z'),
       ('a', 90, 'completed', '2025-10-25 10:05:00Z'), ('b', 5, 'completed', '2025-10-25 10:01:00Z'),
       ('b', 1000, 'failed', '2025-10-25 10:01:00Z'), ('b', null, 'completed', '2025-10-25 10:01:00Z')`,
  );
  await db().query("refresh materialized view agent_performance_5min");
  await db().query("refresh materialized view concurrently agent_performance_5min");
  const { rows } = await db().query(
    `select to_char(bucket at time zone 'UTC', 'HH24:MI') as bucket, agent_id, task_count::integer,
            avg_duration_ms::double precision as avg, max_duration_ms::integer as max,
            min_duration_ms::integer as min, p95_duration_ms as p95
       from agent_performance_5min order by 1, 2`,
  );
  expect(rows).toEqual([
    { bucket: "10:00", agent_id: "a", task_count: 2, avg: 15, max: 20, min: 10, p95: 19.5 },
    { bucket: "10:00", agent_id: "b", task_count: 1, avg: 5, max: 5, min: 5, p95: 5 },
    { bucket: "10:05", agent_id: "a", task_count: 1, avg: 90, max: 90, min: 90, p95: 90 },
  ]);
});

test("the minimal statements of an application work as they stand", async () => {
  for (const statement of [
    "insert into agents (agent_id) values ('agent-1')",
    `insert into analysis_results (agent_id, result, confidence, learned) values ('agent-1', '{"type":"retry"}', 0.95, false)`,
    `insert into agent_sessions (agent_id, state) values ('agent-1', '{"step":1}') returning id`,
    `update agent_sessions set state = '{"step":2}' where agent_id = 'agent-1'`,
    "insert into pending_tasks (agent_id) values ('agent-1')",
    "insert into agent_tasks (agent_id, duration_ms, status) values ('agent-1', 12, 'completed')",
  ]) {
    expect((await db().query(statement)).rowCount, statement).toBe(1);
  }
});

async function isHypertable(): Promise<boolean> {
  const { rows } = await db().query("select from pg_extension where extname = 'timescaledb'");
  return rows.length > 0;
}

describe("a completed task with a measurement that is none", () => {
  beforeEach(() =>
    db().query("truncate agent_tasks; refresh materialized view agent_performance_5min"),
  );

  test.each([
    ["a duration beyond what a double holds", "1e400", "now()"],
    ["the largest duration that numeric holds", "repeat('9', 131072)::numeric", "now()"],
    ["a duration that is not a number", "'NaN'", "now()"],
    ["an infinite duration", "'Infinity'", "now()"],
    ["a time at the end of all time", "5", "'infinity'"],
    ["a time before all time", "5", "'-infinity'"],
  ])("%s fails no refresh, and spoils no average", async (_, duration, at) => {
    const insert = () =>
      db().query(
        `insert into agent_tasks (agent_id, status, duration_ms, created_at)
         values ('a', 'completed', ${duration}, ${at}), ('a', 'completed', 10, now()), ('b', 'completed', 20, now())`,
      );
    // TimescaleDB knows no such time, and refuses it where it is written.
    if (at === "'-infinity'" && (await isHypertable())) {
      return await expect(insert()).rejects.toThrow("timestamp out of range");
    }
    await insert();
    const run = await runJob(db(), "refresh-metrics-every-30min", "test");
    expect(run).toMatchObject({ status: "succeeded", error: null });
    const { rows } = await db().query(
      `select agent_id, task_count::integer as count, avg_duration_ms::float8 as avg, max_duration_ms::float8 as max,
              p95_duration_ms as p95 from agent_performance_5min order by 1`,
    );
    expect(rows).toEqual([
      { agent_id: "a", count: 1, avg: 10, max: 10, p95: 10 },
      { agent_id: "b", count: 1, avg: 20, max: 20, p95: 20 },
    ]);
    const told = (await examine(system)).filter(
      ({ check, severity }) => check === "agent-tasks" && severity !== "ok",
    );
    expect(told).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/^1 of the latest completed tasks/),
      }),
    ]);
  });

  test("a very long and a very short time, and the farthest dates, are measurements", async () => {
    await db().query(
      `insert into agent_tasks (agent_id, status, duration_ms, created_at)
       values ('a', 'completed', 1e299, '294246-12-31'), ('a', 'completed', 1e-400, '4714-11-24 BC')`,
    );
    expect(await runJob(db(), "refresh-metrics-every-30min", "test")).toMatchObject({
      status: "succeeded",
      result: [{ row_count: 2 }],
    });
  });
});
