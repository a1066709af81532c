import { QueueClient } from "@centralcloud/queue";
import { describe, expect, test } from "vitest";
import { archivedIn, deadLettersOf, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { attempt, useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { addNewKey } from "../support/session-keys.ts";

const system = useSystem();
const members = useMembers(system, {
  application: "centralcloud_application",
  consumer: "centralcloud_consumer",
  jobs: "centralcloud_jobs",
});
failOnLeaks(system);

const queue = "centralcloud-new-patterns";
const patterns = `pgmq."q_${queue}"`;

test("an application's work reaches the queues, though it may see neither queue nor key", async () => {
  const admin = system.singularity.pool;
  await addNewKey(system.singularity, "key-of-roles-test", { activate: true });
  const { pool } = members.application.singularity;
  const inserted = await pool.query(
    `insert into agents (agent_id) values ('agent-1');
     insert into analysis_results (agent_id, result, confidence, learned) values ('agent-1', '{"type":"retry"}', 0.95, false);
     insert into agent_sessions (agent_id, state) values ('agent-1', '{"step":1}') returning id;
     update agent_sessions set state = '{"step":2}' where agent_id = 'agent-1';
     insert into pending_tasks (agent_id) values ('agent-1');
     insert into agent_tasks (agent_id, duration_ms, status) values ('agent-1', 12, 'completed')`,
  );
  expect(inserted).toHaveLength(6);
  const call = async (statement: string) => (await pool.query(statement)).rows[0];
  expect(await call("select * from learn_patterns_from_analysis()")).toEqual({
    patterns_learned: 1,
    patterns_queued: 1,
  });
  await pool.query(`insert into analysis_results (agent_id, result) values ('agent-1', '{"n":2}')`);
  expect(
    await call("select manually_learn_analysis(max(id)) is not null as ok from analysis_results"),
  ).toEqual({ ok: true });
  expect(await call("select * from update_agent_knowledge()")).toEqual({
    agents_updated: 1,
    total_patterns: 2,
  });
  expect(await call("select * from sync_learning_to_centralcloud()")).toMatchObject({
    pattern_count: 0,
  });
  expect(await call("select * from assign_pending_tasks()")).toEqual({
    tasks_assigned: 1,
    agents_assigned: 1,
  });
  expect(await call("select unsynced, sync_error from agent_sessions")).toEqual({
    unsynced: false,
    sync_error: null,
  });
  const { rows } = await admin.query(
    `select (select count(*)::integer from ${patterns}) as patterns,
            (select count(*)::integer from pgmq."q_agent-sessions") as sessions,
            (select count(*)::integer from pgmq."q_agent-knowledge-updates") as summaries`,
  );
  expect(rows).toEqual([{ patterns: 2, sessions: 2, summaries: 1 }]);
  await admin.query(`truncate ${patterns}, pgmq."q_agent-sessions"`);
});

describe("a consumer with no more than its role", () => {
  test("merges, archives and dead-letters", async () => {
    const queues = queuesOf(system);
    await queues.sendBatch(queue, [patternMessage(), patternMessage(), "{}"]);
    await queues.send(
      "agent-sessions",
      `{"agent_id":"a","session_id":"s","session_state":{"n":1},"synced_at":"2025-10-25T10:00:00Z"}`,
    );
    const { report } = await drainAll(members.consumer);
    expect(report).toMatchObject({ processed: 4, deadLettered: 1, released: 0 });
    expect(await deadLettersOf(system, queue)).toMatchObject([{ reason: "invalid" }]);
    expect(await archivedIn(system, queue)).toBe(2);
  });

  test("archives a message whose id the archive has already", async () => {
    const before = await archivedIn(system, queue);
    await system.singularity.pool.query(
      `alter table ${patterns} alter column msg_id restart with 1`,
    );
    await queuesOf(system).send(queue, patternMessage());
    const { report } = await drainAll(members.consumer);
    expect(report).toMatchObject({ processed: 1, duplicates: 0 });
    expect(await archivedIn(system, queue)).toBe(before + 1);
  });

  test("releases what it has claimed, and counts what waits", async () => {
    const mine = new QueueClient(members.consumer.singularity.pool);
    await queuesOf(system).sendBatch(queue, [patternMessage(), patternMessage()]);
    const limits = {
      visibilityTimeoutS: 60,
      quantity: 10,
      maxMessageBytes: 10_000,
      maxBatchBytes: 10_000,
    };
    const claimed = await mine.read(queue, limits);
    expect(await mine.metrics(queue)).toMatchObject({ total: 2, inFlight: 2 });
    const claims = new QueueClient(members.consumer.singularity.pool);
    expect(await claims.extendLease(queue, claimed)).toHaveLength(2);
    expect(await claims.release(queue, claimed)).toBe(2);
    expect(await mine.metrics(queue)).toMatchObject({ total: 2, inFlight: 0 });
    await drainAll(members.consumer);
    expect(await mine.isEmpty(queue)).toBe(true);
  });
});

test("a recreated queue serves the owner at once, and the consumer after create_queue", async () => {
  const admin = system.singularity.pool;
  const { application, consumer } = members;
  await admin.query(`select pgmq.drop_queue('${queue}'); select pgmq.create('${queue}')`);
  await application.singularity.pool.query(
    `insert into analysis_results (agent_id, result) values ('agent-1', '{"n":3}')`,
  );
  const { rows } = await application.singularity.pool.query(
    "select patterns_queued from learn_patterns_from_analysis()",
  );
  expect(rows).toEqual([{ patterns_queued: 1 }]);
  const read = `select * from pgmq.read('${queue}', 0, 1)`;
  expect(await attempt(consumer.singularity, read)).toBe("refused");
  await admin.query(`select create_queue('${queue}')`);
  expect(await attempt(consumer.singularity, read)).toBe("allowed");
});

test("every job runs for the job runner, with the rights of its owner", async () => {
  const { rows: jobs } = await system.singularity.pool.query<{ job_name: string }>(
    "select job_name from scheduled_jobs",
  );
  expect(jobs.length).toBeGreaterThan(6);
  for (const { job_name } of jobs) {
    const { rows } = await members.jobs.singularity.pool.query(
      "select status, error from run_job($1, 'scheduler')",
      [job_name],
    );
    expect({ job_name, ...rows[0] }).toEqual({ job_name, status: "succeeded", error: null });
  }
});

test("a caller's temporary types and tables are never taken for the real ones", async () => {
  const client = await members.application.singularity.pool.connect();
  const heard: (string | undefined)[] = [];
  const hear = ({ message }: { message: string | undefined }) => heard.push(message);
  client.on("notice", hear);
  await client.query(
    `create function pg_temp.intrude(pg_catalog.text) returns boolean language plpgsql as
       $$ begin raise notice 'runs as %', current_user; return true; end $$;
     create domain pg_temp.text as pg_catalog.text check (pg_temp.intrude(value));
     create domain pg_temp.jsonb as pg_catalog.jsonb check (pg_temp.intrude(value::pg_catalog.text));
     create temporary table learned_patterns ();
     insert into public.analysis_results (agent_id, result) values ('agent-1', '{"n":4}');
     insert into public.agent_sessions (agent_id, state) values ('agent-1', '{}')`,
  );
  for (const name of [
    "gen_ulid",
    "learn_patterns_from_analysis",
    "update_agent_knowledge",
    "sync_learning_to_centralcloud",
    "assign_pending_tasks",
  ]) {
    await client.query(`select * from public.${name}()`);
  }
  await client.query("discard temporary");
  client.off("notice", hear);
  client.release(true);
  expect(heard).toEqual([]);
});
