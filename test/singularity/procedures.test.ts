import {
  assignTasksNow,
  learningQueueBackedUp,
  learnPatternsNow,
  manuallyLearnAnalysis,
  queueStatus,
  syncLearningNow,
  updateKnowledgeNow,
} from "@centralcloud/client";
import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const db = () => system.singularity.pool;

test("the procedures answer in TypeScript's names and types", async () => {
  await db().query(
    `insert into agents (agent_id) values ('a'); insert into pending_tasks (agent_id) values ('a');
     insert into analysis_results (agent_id, result) values ('a', '{"n":1}'), ('a', '{"n":2}')`,
  );
  expect(await manuallyLearnAnalysis(db(), "2")).toMatch(/^\d+$/);
  expect(await learnPatternsNow(db())).toEqual({ patternsLearned: 1, patternsQueued: 1 });
  expect(await updateKnowledgeNow(db())).toEqual({ agentsUpdated: 1, totalPatterns: 2 });
  expect(await assignTasksNow(db())).toEqual({ tasksAssigned: 1, agentsAssigned: 1 });
  expect(await syncLearningNow(db())).toEqual({ batchId: null, patternCount: 0 });
});

test("the status of every queue is counted, and a backlog is told by length or by age", async () => {
  const status = await queueStatus(db());
  expect(status.map(({ queue }) => queue)).toHaveLength(6);
  expect(status.find(({ queue }) => queue === "centralcloud-new-patterns")).toMatchObject({
    total: 2,
    available: 2,
    sentEver: 2,
    oldestAgeSeconds: expect.any(Number),
  });
  // What only a hand at the table can write fails nothing.
  await db().query(
    `insert into pgmq."q_agent-sessions" (vt, enqueued_at, message)
     values ('infinity', '-infinity', null), (now(), '0044-03-15 BC', '{}')`,
  );
  const odd = (await queueStatus(db())).find(({ queue }) => queue === "agent-sessions");
  expect(odd).toMatchObject({ total: 2, available: 1, newestAgeSeconds: expect.any(Number) });
  expect(await learningQueueBackedUp(db())).toBe(false);
  expect(await learningQueueBackedUp(db(), { messages: 1 })).toBe(true);
  await db().query(
    `update pgmq."q_centralcloud-new-patterns" set enqueued_at = now() - interval '11 minutes'`,
  );
  expect(await learningQueueBackedUp(db())).toBe(true);
});
