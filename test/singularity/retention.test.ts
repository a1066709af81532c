import { readdirSync } from "node:fs";
import { sqlDirectory } from "@centralcloud/sql";
import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const query = async (text: string, values?: unknown[]) =>
  (await system.singularity.pool.query(text, values)).rows;

test("queue archives lose what is older than 90 days, queues and other people's archives nothing", async () => {
  const queues = readdirSync(new URL("singularity/queues/", sqlDirectory))
    .map((file) => file.replace(/\.sql$/, ""))
    .flatMap((queue) => [queue, `${queue}-dlq`]);
  await query("select pgmq.create('of-others')");
  for (const queue of [...queues, "of-others"]) {
    await query("select pgmq.send($1, '{}')", [queue]);
    await query(`update pgmq."q_${queue}" set enqueued_at = now() - interval '5 years'`);
    await query(
      `insert into pgmq."a_${queue}" (msg_id, vt, message, archived_at)
       select i, now(), '{}', now() - i * interval '1 day' from unnest(array[1, 89, 91, 92, 93, 400]) i`,
    );
  }
  // Two batches of two a queue: the rest waits for the next call.
  const [first] = await query("select * from cleanup_queue_archives(2, 1)");
  expect(first).toEqual({ rows_removed: 2 * queues.length });
  expect(await query("select * from cleanup_queue_archives(1, 5)")).toEqual([
    { rows_removed: 2 * queues.length },
  ]);
  expect(await query("select * from cleanup_queue_archives()")).toEqual([{ rows_removed: 0 }]);
  const archived = (queue: string) => query(`select msg_id::int from pgmq."a_${queue}" order by 1`);
  for (const queue of queues) {
    expect(await archived(queue)).toEqual([{ msg_id: 1 }, { msg_id: 89 }]);
    expect(await query(`select read_ct from pgmq."q_${queue}"`)).toEqual([{ read_ct: 0 }]);
  }
  expect(await archived("of-others")).toHaveLength(6);
});

test("many messages that were archived at once go in batches too", async () => {
  await query(
    `insert into pgmq."a_agent-sessions" (msg_id, vt, message, archived_at)
     select 1000 + i, now(), '{}', now() - interval '91 days' from generate_series(1, 50) i`,
  );
  expect(await query("select * from cleanup_queue_archives(7, 100)")).toEqual([
    { rows_removed: 50 },
  ]);
});

test("completed tasks move to the archive after 90 days, by their completion; no other task does", async () => {
  await query(
    `insert into agent_tasks (agent_id, status, duration_ms, created_at, completed_at)
     values ('old', 'completed', 12.5, now() - interval '200 days', now() - interval '91 days'),
            ('old without a completion', 'completed', null, now() - interval '91 days', null),
            ('created now, completed before', 'completed', 1, now(), now() - interval '91 days'),
            ('young', 'completed', 1, now() - interval '200 days', now() - interval '89 days'),
            ('failed', 'failed', 1, now() - interval '200 days', now() - interval '200 days'),
            ('running', 'running', null, now() - interval '200 days', null)`,
  );
  const before = await query("select * from agent_tasks order by id");
  expect(await query("select * from archive_completed_tasks(1, 2)")).toEqual([
    { tasks_archived: 2 },
  ]);
  expect(await query("select * from archive_completed_tasks(1)")).toEqual([{ tasks_archived: 1 }]);
  expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 0 }]);
  const kept = await query("select * from agent_tasks order by id");
  expect(kept.map((task) => task.agent_id)).toEqual(["young", "failed", "running"]);
  const moved = await query("select * from agent_tasks_archive order by id");
  expect(moved.map(({ archived_at, ...task }) => task)).toEqual(before.slice(0, 3));
});

test("a task that was changed after it was archived joins its older copy, and none is lost", async () => {
  await query(
    `insert into agent_tasks (id, agent_id, status, duration_ms, created_at)
     overriding system value
     select id, 'again', status, duration_ms, created_at from agent_tasks_archive
      where agent_id = 'created now, completed before'`,
  );
  expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 0 }]);
  await query(
    "update agent_tasks set completed_at = now() - interval '91 days' where agent_id = 'again'",
  );
  expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 1 }]);
  const [archived] = await query(
    "select count(*)::int as count from agent_tasks_archive where agent_id = 'again'",
  );
  expect(archived).toEqual({ count: 1 });
  expect(await query("select count(*)::int as count from agent_tasks_archive")).toEqual([
    { count: 4 },
  ]);
});

test("a task that somebody works on is left for the next time", async () => {
  await query(
    `insert into agent_tasks (agent_id, status, created_at)
     select 'agent-' || i, 'completed', now() - interval '100 days' from generate_series(1, 2) i`,
  );
  const client = await system.singularity.pool.connect();
  await client.query("begin; update agent_tasks set duration_ms = 3 where agent_id = 'agent-1'");
  expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 1 }]);
  await client.query("commit");
  client.release();
  expect(await query("select * from archive_completed_tasks()")).toEqual([{ tasks_archived: 1 }]);
});

test("sync batches go after 30 days, undelivered ones only after 90", async () => {
  await query(
    `insert into learning_sync_log (batch_id, status, created_at, delivered_at)
     select status || '-' || days, status, now() - days * interval '1 day',
            case when status = 'delivered' then now() end
       from unnest(array['queued', 'delivered']) status, unnest(array[1, 29, 31, 89, 91]) days`,
  );
  expect(await query("select * from cleanup_sync_logs(2)")).toEqual([{ rows_removed: 2 }]);
  expect(await query("select * from cleanup_sync_logs()")).toEqual([{ rows_removed: 2 }]);
  expect(await query("select * from cleanup_sync_logs()")).toEqual([{ rows_removed: 0 }]);
  const rows = await query("select batch_id from learning_sync_log order by created_at, status");
  expect(rows.map((row) => row.batch_id)).toEqual([
    "queued-89",
    "queued-31",
    "delivered-29",
    "queued-29",
    "delivered-1",
    "queued-1",
  ]);
});

test("job runs go after 30 days", async () => {
  await query(
    `insert into job_runs (job_name, status, started_by, started_at, finished_at)
     select 'a-job-of-' || days, 'succeeded', 'test', now() - days * interval '1 day', now()
       from unnest(array[0, 29, 31, 32, 33]) days`,
  );
  expect(await query("select * from cleanup_job_runs(2)")).toEqual([{ rows_removed: 2 }]);
  expect(await query("select * from cleanup_job_runs()")).toEqual([{ rows_removed: 1 }]);
  expect(await query("select job_name from job_runs order by 1")).toEqual([
    { job_name: "a-job-of-0" },
    { job_name: "a-job-of-29" },
  ]);
});
