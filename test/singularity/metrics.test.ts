import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
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
