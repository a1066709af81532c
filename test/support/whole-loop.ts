import { createConsumer } from "@centralcloud/consumer";
import type { SessionKey } from "@centralcloud/session-keys";
import { expect } from "vitest";
import { configurationFor } from "./consumer.ts";
import type { TestSystem } from "./databases.ts";
import { until } from "./until.ts";

/** The jobs that carry what an application writes to CentralCloud. */
export const loopJobs = [
  "learn-patterns-every-5min",
  "update-knowledge-hourly",
  "assign-tasks-every-2min",
  "sync-learning-every-10min",
];

/** What an application does, and all that it does. */
const applicationStatements = [
  "insert into agents (agent_id) values ('agent-1') on conflict do nothing",
  `insert into analysis_results (agent_id, result, confidence, learned) values ('agent-1', '{"type":"retry"}', 0.95, false)`,
  `insert into agent_sessions (agent_id, state) values ('agent-1', '{"step":1}') returning id`,
  `update agent_sessions set state = '{"step":2}' where agent_id = 'agent-1'`,
  "insert into pending_tasks (agent_id) values ('agent-1')",
  "insert into agent_tasks (agent_id, duration_ms, status) values ('agent-1', 12, 'completed')",
];

/**
 * Expects that rows which an application writes become central rows, while somebody else runs the
 * jobs: a pattern, the sealed session in its newest state, the agent's knowledge, and an assigned task.
 */
export async function expectTheWholeLoop(system: TestSystem, key: SessionKey): Promise<void> {
  const configuration = configurationFor(system, { sessionKeys: [key] });
  const consumer = createConsumer(configuration, () => {});
  await consumer.start();
  try {
    for (const statement of applicationStatements) await system.singularity.pool.query(statement);
    const { central, singularity } = system;
    const rows = await until("the application's rows are in the central store", async () => {
      const result = await central.pool.query(
        `select (select observation_count::integer from central.patterns where pattern = '{"type":"retry"}') as patterns,
                  (select sealed ->> 'key_id' from central.agent_sessions) as session,
                  (select pattern_count::integer from central.agent_knowledge where agent_id = 'agent-1') as knowledge`,
      );
      const [row] = result.rows;
      return row.patterns && row.session && row.knowledge ? row : undefined;
    });
    expect(rows).toEqual({ patterns: 1, session: key.keyId, knowledge: 1 });
    await until("the task is assigned", async () => {
      const tasks = await singularity.pool.query("select assigned_to from pending_tasks");
      return tasks.rows[0]?.assigned_to === "agent-1";
    });
    const { rows: sessions } = await central.pool.query(
      "select count(*)::integer as count, count(session_state)::integer as plain from central.agent_sessions",
    );
    expect(sessions).toEqual([{ count: 1, plain: 0 }]);
    const { rows: deadLetters } = await singularity.pool.query(
      `select count(*)::integer as count from pgmq."q_agent-sessions-dlq"`,
    );
    expect(deadLetters).toEqual([{ count: 0 }]);
  } finally {
    await consumer.stop();
  }
}
