import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";

const system = useSystem();

test("agent_tasks is a hypertable, and the metrics that are read from it are those of a plain table", async () => {
  const { pool } = system.singularity;
  const { rows: tables } = await pool.query(
    "select hypertable_name from timescaledb_information.hypertables where hypertable_schema = 'public'",
  );
  expect(tables).toEqual([{ hypertable_name: "agent_tasks" }]);
  await pool.query(
    `insert into agent_tasks (agent_id, duration_ms, status, created_at)
     select 'agent-' || i % 7, i % 100, case when i % 9 = 0 then 'failed' else 'completed' end,
            timestamptz '2025-10-25 00:00:00Z' + i * interval '97 seconds'
       from generate_series(1, 20000) i`,
  );
  await pool.query("refresh materialized view agent_performance_5min");
  await pool.query("create table plain_tasks as select * from agent_tasks");
  const { rows } = await pool.query(
    `select count(*)::integer as different from (
       select bucket, agent_id, task_count, avg_duration_ms, max_duration_ms, min_duration_ms, p95_duration_ms
         from agent_performance_5min
       except
       select date_bin('5 minutes', created_at, '2000-01-01 00:00:00+00'), agent_id, count(*),
              round(avg(duration_ms), 3), max(duration_ms), min(duration_ms),
              percentile_cont(0.95) within group (order by duration_ms::double precision)
         from plain_tasks where status = 'completed' group by 1, 2
     ) d`,
  );
  expect(rows).toEqual([{ different: 0 }]);
  const { rows: chunks } = await pool.query(
    "select count(*)::integer > 1 as several from show_chunks('agent_tasks')",
  );
  expect(chunks).toEqual([{ several: true }]);
});
