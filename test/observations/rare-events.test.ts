import { migrate } from "@centralcloud/db";
import { createScheduler } from "@centralcloud/scheduler";
import { describe, expect, test, vi } from "vitest";
import { useCapture } from "../support/capture.ts";
import { queuesOf } from "../support/consumer.ts";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { useService } from "../support/service.ts";
import { until } from "../support/until.ts";

/* Events that no other test has a reason to wait for. */

const system = useSystem();
failOnLeaks(system);
const services = useService(system);
const queue = "centralcloud-new-patterns";
const source = () => system.singularity;

test("a migration tells each step that it takes, what it repairs, and what it can't", async () => {
  const database = await createTestDatabase();
  try {
    const seen: Observation[] = [];
    const observe = (observation: Observation) => void seen.push(observation);
    const { migrations, objectsApplied } = await migrate("central", database.url, observe);
    const named = seen.flatMap((one) => (one.event === "migration-applied" ? [one.migration] : []));
    expect(named).toEqual(migrations);
    expect(named.length).toBeGreaterThan(3);
    expect(seen).toContainEqual(
      expect.objectContaining({ event: "objects-applied", count: objectsApplied }),
    );

    seen.length = 0;
    await database.pool.query(`drop view central.consensus_patterns;
      alter table central.sources alter column name type varchar(77)`);
    await migrate("central", database.url, observe);
    expect(seen).toContainEqual({
      event: "drift-repaired",
      side: "central",
      what: expect.stringContaining("consensus_patterns"),
    });
    expect(seen).toContainEqual({
      event: "drift-remains",
      side: "central",
      what: expect.stringContaining("central.sources"),
      reason: expect.any(String),
    });
  } finally {
    await dropTestDatabase(database);
  }
});

test("a job whose connection breaks is told as one of which nobody knows how it ended", async () => {
  const { pool } = source();
  await pool.query(
    `truncate job_runs, scheduled_jobs; create table public.gate (id integer primary key);
     insert into public.gate values (1); alter table public.gate owner to centralcloud_owner`,
  );
  await declareJob(source(), "broken-job", {
    body: "begin perform from public.gate for share; return query select 1; end",
    schedule: "* * * * * *",
  });
  const holder = await pool.connect();
  await holder.query("begin; select from public.gate for update");
  const seen: Observation[] = [];
  const scheduler = createScheduler({ sourceUrls: [source().url] }, (observation) => {
    seen.push(observation);
  });
  await scheduler.start();
  try {
    await until("its connection breaks", async () => {
      const { rowCount } = await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pg_blocking_pids(pid) <> '{}'`,
      );
      return rowCount;
    });
    const fault = await until("the fault", () => seen.find(({ event }) => event === "job-fault"));
    expect(fault).toEqual({
      event: "job-fault",
      source: source().name,
      job: "broken-job",
      error: expect.stringMatching(/terminat/),
    });
  } finally {
    await holder.query("rollback");
    holder.release();
    await scheduler.stop();
  }
});

test("a consumer tells how many of a batch were refused, and how many rows the ledger forgets", async () => {
  // The first run comes at once, instead of within a minute.
  vi.spyOn(Math, "random").mockReturnValue(0);
  try {
    const { rows } = await source().pool.query("select source_id from singularity_source");
    const sourceId = rows[0].source_id;
    await system.central.pool.query("select central.register_source($1, 'test')", [sourceId]);
    await system.central.pool.query(
      `insert into central.processed_messages (lane_id, msg_id, enqueued_at, processed_at)
       select central.lane_id($1, $2), -i, now() - interval '3 days', now() - interval '2 days'
         from generate_series(1, 7) i`,
      [sourceId, queue],
    );
    await queuesOf(system).sendBatch(queue, [patternMessage(), "{}", patternMessage()]);
    const service = await services.start();
    const seen = (event: Observation["event"]) =>
      until(event, () => service.observations.find((one) => one.event === event));
    const lane = { source: source().name, sourceId, queue };
    expect(await seen("batch-checked")).toMatchObject({ ...lane, count: 3, refused: 1 });
    expect(await seen("ledger-pruned")).toEqual({ event: "ledger-pruned", ...lane, count: 7 });
  } finally {
    vi.restoreAllMocks();
  }
});

describe("a capture tells", () => {
  const capture = useCapture(system);

  test("which days of the change log it has dropped", async () => {
    await system.central.pool.query("select central.ensure_change_log_partition('2020-02-03')");
    const part = await capture.start();
    expect(await part.observed("change-log-trimmed")).toMatchObject({
      source: source().name,
      partitions: [expect.stringContaining("20200203")],
    });
  });

  test("once that it can't bring its publication up to date, and captures what that has", async () => {
    const { pool } = source();
    const part = await capture.start();
    await part.observed("capture-reading");
    await pool.query("alter function public.publish_for_capture rename to elsewhere");
    try {
      await pool.query("insert into public.agents (agent_id) values ('one')");
      const stale = await part.observed("capture-publication-stale");
      expect(stale.error).toMatch(/publish_for_capture/);
      await pool.query("insert into public.agents (agent_id) values ('two')");
      await capture.caughtUp();
      expect((await capture.log()).map(({ key }) => key)).toEqual([
        '{"agent_id": "one"}',
        '{"agent_id": "two"}',
      ]);
      const told = part.observations.filter(({ event }) => event === "capture-publication-stale");
      expect(told).toHaveLength(1);
    } finally {
      await pool.query("alter function public.elsewhere rename to publish_for_capture");
    }
  });
});
