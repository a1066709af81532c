import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Scrape } from "../../tools/support/metrics-text.ts";
import { aliasOf } from "../support/alias.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { useService } from "../support/service.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const services = useService(system);
const queue = "centralcloud-new-patterns";
const table = `pgmq."q_${queue}"`;
let source: string;

beforeAll(async () => {
  const { rows } = await system.singularity.pool.query("select source_id from singularity_source");
  source = rows[0].source_id;
});

beforeEach(async () => {
  await system.singularity.pool.query(`truncate ${table}`);
});

afterEach(() => vi.restoreAllMocks());

/** The first look of a service of its own: a later one comes ten seconds after it. */
async function look(): Promise<Scrape> {
  const service = await services.start();
  return await until("the databases were looked at", async () => {
    const scrape = await service.scrape();
    const times = scrape.samples.filter(
      ({ name }) => name === "centralcloud_last_look_timestamp_seconds",
    );
    return times.length === 2 && times.every(({ value }) => value > 0) ? scrape : undefined;
  });
}

async function sendLater(count: number): Promise<void> {
  await system.singularity.pool.query(
    `select count(*) from pgmq.send_batch($1, array_fill('{}'::jsonb, array[$2::integer]), 3600)`,
    [queue, count],
  );
}

test("a short queue is counted, with the age of its oldest message", async () => {
  await sendLater(3);
  await system.singularity.pool.query(
    `update ${table} set enqueued_at = enqueued_at - interval '90 seconds'
      where msg_id = (select min(msg_id) from ${table})`,
  );
  const seen = await look();
  expect(seen.value("centralcloud_queue_messages", { source, queue })).toBe(3);
  expect(seen.value("centralcloud_queue_messages_estimated", { source, queue })).toBe(0);
  const age = seen.value("centralcloud_queue_oldest_message_age_seconds", { source, queue }) ?? 0;
  expect(age).toBeGreaterThanOrEqual(90);
  expect(age).toBeLessThan(150);
  const empty = { source, queue: "agent-sessions-dlq" };
  expect(seen.value("centralcloud_queue_messages", empty)).toBe(0);
  expect(seen.value("centralcloud_queue_oldest_message_age_seconds", empty)).toBe(0);
});

test("a long queue is not counted: the server's estimate is taken, and said to be one", async () => {
  await sendLater(5_000);
  await system.singularity.pool.query(`analyze ${table}`);
  const seen = await look();
  expect(seen.value("centralcloud_queue_messages_estimated", { source, queue })).toBe(1);
  expect(seen.value("centralcloud_queue_messages", { source, queue })).toBe(5_000);
});

test("rows, dead rows and what keeps them from vacuum are told of both databases", async () => {
  await sendLater(40);
  const holder = await system.singularity.pool.connect();
  try {
    await holder.query("begin isolation level repeatable read; select 1");
    await system.singularity.pool.query(`delete from ${table} where msg_id % 2 = 0`);
    await system.singularity.pool.query(`vacuum ${table}`);
    await system.central.pool.query("analyze central.patterns");
    for (let i = 0; i < 5; i++) {
      await system.singularity.pool.query("select pg_current_xact_id()");
    }
    const seen = await look();
    const ofQueue = { database: source, table: `pgmq.q_${queue}` };
    expect(seen.value("centralcloud_table_live_rows", ofQueue)).toBe(20);
    expect(seen.value("centralcloud_table_dead_rows", ofQueue)).toBe(20);
    const ofStore = { database: "central", table: "central.patterns" };
    expect(seen.value("centralcloud_table_live_rows", ofStore)).toBeGreaterThanOrEqual(0);
    const oldest = "centralcloud_database_oldest_snapshot_transactions";
    expect(seen.value(oldest, { database: source })).toBeGreaterThanOrEqual(5);
    expect(seen.value(oldest, { database: "central" })).toBeGreaterThanOrEqual(0);
    const open = "centralcloud_database_oldest_transaction_seconds";
    expect(seen.value(open, { database: source })).toBeGreaterThan(0);
  } finally {
    await holder.query("rollback");
    holder.release();
  }
});

test("a source is named once, the build and the live replicas are told", async () => {
  const service = await services.start();
  await service.ready();
  const seen = await until("the replica is on the list", async () => {
    const scrape = await service.scrape();
    const isSeen = scrape.value("centralcloud_source_info", { source }) === 1;
    return isSeen && scrape.value("centralcloud_replicas") === 1 ? scrape : undefined;
  });
  const name = system.singularity.name;
  expect(seen.value("centralcloud_snapshot_age_seconds")).toBeLessThan(60);
  expect(seen.value("centralcloud_source_info", { source, name })).toBe(1);
  const version = expect.stringMatching(/^\d+\.\d+\.\d+/);
  expect(seen.samples).toContainEqual({
    name: "centralcloud_build_info",
    labels: { version, node_version: process.version },
    value: 1,
  });
  expect(seen.value("centralcloud_ready")).toBe(1);
  expect(seen.value("centralcloud_sources_waiting")).toBe(0);
  expect(seen.value("process_resident_memory_bytes")).toBeGreaterThan(1e6);
});

test("a database that is shut off opens its breaker, and scrapes do not wait for it", async () => {
  const service = await services.start();
  await service.ready();
  const before = await service.scrape();
  const lastLook = { database: "central" };
  expect(before.value("centralcloud_database_breaker_open", lastLook)).toBe(0);
  const { name } = system.central;
  await system.singularity.pool.query(`alter database ${name} with allow_connections false`);
  try {
    await system.singularity.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and application_name like 'centralcloud%'`,
      [name],
    );
    const shutAt = Date.now() / 1000;
    const seen = await until("the breaker opens", async () => {
      const startedAt = performance.now();
      const scrape = await service.scrape();
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      const open = scrape.value("centralcloud_database_breaker_open", { database: "central" });
      return open === 1 ? scrape : undefined;
    });
    expect(seen.value("centralcloud_ready")).toBe(0);
    expect(
      seen.value("centralcloud_database_faults_total", { database: "central" }),
    ).toBeGreaterThan(0);
    expect(seen.value("centralcloud_database_breaker_open", { database: source })).toBe(0);
    const lookedAt = seen.value("centralcloud_last_look_timestamp_seconds", lastLook);
    expect(lookedAt).toBeLessThanOrEqual(shutAt);
  } finally {
    await system.singularity.pool.query(`alter database ${name} with allow_connections true`);
  }
  await service.ready();
  expect(
    (await service.scrape()).value("centralcloud_database_breaker_open", { database: "central" }),
  ).toBe(0);
});

test("a replica that ended without saying so is lost for an hour; one that said so is not", async () => {
  await system.central.pool.query(
    `insert into central.consumers (id, version, host, last_seen_at)
     select gen_random_uuid(), '0', 'killed', now() - silent
       from unnest('{2 minutes, 59 minutes, 61 minutes}'::interval[]) silent`,
  );
  const stopped = await services.start();
  await stopped.ready();
  await stopped.stop(1_000);
  const service = await services.start();
  await until("they are counted", async () => {
    return (await service.scrape()).value("centralcloud_replicas_lost") === 2;
  });
  await system.central.pool.query("delete from central.consumers where host = 'killed'");
});

test("counters begin at 0, so that the first event is an increase", async () => {
  const service = await services.start();
  await service.ready();
  const scrape = await service.scrape();
  const queue = "agent-sessions";
  const begun = {
    centralcloud_messages_dead_lettered_total: { source, queue, reason: "invalid" },
    centralcloud_dead_letters_refused_total: { source, queue },
    centralcloud_messages_released_total: { source, queue, cause: "fault" },
    centralcloud_batches_total: { source, queue, outcome: "crash" },
    centralcloud_lane_faults_total: { source, queue, side: "central", kind: "locked" },
    centralcloud_lane_crashes_total: { source, queue },
    centralcloud_ledger_pruned_rows_total: { source, queue },
    centralcloud_database_faults_total: { database: "central", kind: "connection-lost" },
    centralcloud_listener_losses_total: { source },
    centralcloud_upkeep_faults_total: { task: "ledger" },
  };
  for (const [name, labels] of Object.entries(begun)) {
    expect(scrape.value(name, labels as Readonly<Record<string, string>>), name).toBe(0);
  }
});

test("a lost listening connection and recurring work that fails are counted", async () => {
  const service = await services.start();
  await service.ready();
  await until("it listens", async () => {
    const { rows } = await system.singularity.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'centralcloud-listener'
          and query like '%pgmq%'`,
    );
    return rows.length > 0;
  });
  await until("the loss is counted", async () => {
    const scrape = await service.scrape();
    return scrape.value("centralcloud_listener_losses_total", { source }) === 1;
  });
  await system.central.pool.query("alter function central.report_consumer rename to elsewhere");
  try {
    await until("the failed heartbeat is counted", async () => {
      const scrape = await service.scrape();
      return (scrape.value("centralcloud_upkeep_faults_total", { task: "heartbeat" }) ?? 0) > 0;
    });
  } finally {
    await system.central.pool.query("alter function central.elsewhere rename to report_consumer");
  }
});

test("rows that the ledger forgets are counted", async () => {
  // The first run comes at once, instead of within a minute.
  vi.spyOn(Math, "random").mockReturnValue(0);
  await system.central.pool.query("select central.register_source($1, 'test')", [source]);
  await system.central.pool.query(
    `insert into central.processed_messages (lane_id, msg_id, enqueued_at, processed_at)
     select central.lane_id($1, $2), -i, now() - interval '3 days', now() - interval '2 days'
       from generate_series(1, 7) i`,
    [source, queue],
  );
  const service = await services.start();
  await until("they are gone", async () => {
    const scrape = await service.scrape();
    return scrape.value("centralcloud_ledger_pruned_rows_total", { source, queue }) === 7;
  });
});

test("a source that can't be reached is waited for, and said to be", async () => {
  const url = system.singularity.url.replace(/\/[^/]*$/, "/no_such_database");
  const service = await services.start({ sourceUrls: [url] });
  await until("it is known to wait", async () => {
    const scrape = await service.scrape();
    return scrape.value("centralcloud_sources_waiting") === 1;
  });
  const scrape = await service.scrape();
  const place = new URL(url).host;
  const looked = scrape.samples.find(
    ({ name, labels }) =>
      name === "centralcloud_last_look_timestamp_seconds" && labels.database !== "central",
  );
  expect(looked).toMatchObject({ labels: { database: `${place}/no_such_database` }, value: 0 });
  await queuesOf(system).send(queue, patternMessage());
});

test("a source that has another's id is refused, and said to be", async () => {
  const alias = aliasOf(system.singularity.url);
  const service = await services.start({ sourceUrls: [system.singularity.url, alias] });
  await until("one of the two names is refused", async () => {
    const { samples } = await service.scrape();
    const refused = samples.filter(({ name }) => name === "centralcloud_source_refused");
    return (
      refused
        .map(({ value }) => value)
        .sort()
        .join() === "0,1"
    );
  });
});

test("messages that the central store lost, as another replica has counted them", async () => {
  const service = await services.start();
  await service.ready();
  const ofSessions = "agent-sessions";
  // Of an archive that another replica is comparing.
  await system.central.pool.query(
    `insert into central.archive_checks
       (source_id, queue, epoch_id, from_at, until_at, missing_since, missing_count, compared_at, problem, runner, lease_until)
     values ($1, $2, 1, '2026-01-01', '2026-01-02', '2026-01-01T12:00:00Z', 7, now(), 'a test', gen_random_uuid(),
             now() + interval '29 seconds')
     on conflict (source_id, queue) do update
       set missing_since = excluded.missing_since, missing_count = 7, from_at = excluded.from_at, problem = excluded.problem,
           runner = excluded.runner, lease_until = excluded.lease_until`,
    [
      (await system.singularity.pool.query("select source_id as id from singularity_source"))
        .rows[0].id,
      ofSessions,
    ],
  );
  const scrape = await until(
    "it is seen",
    async () => {
      const seen = await service.scrape();
      return seen.value("centralcloud_missing_messages", { queue: ofSessions }) === 7
        ? seen
        : undefined;
    },
    20_000,
  );
  expect(scrape.value("centralcloud_missing_since_timestamp_seconds", { queue: ofSessions })).toBe(
    Date.parse("2026-01-01T12:00:00Z") / 1_000,
  );
  expect(scrape.value("centralcloud_missing_messages", { queue: "agent-knowledge-updates" })).toBe(
    0,
  );
  expect(scrape.value("centralcloud_uncompared_archives")).toBe(1);
  await system.central.pool.query("delete from central.archive_checks");
  await until(
    "nothing is missing any more",
    async () =>
      (await service.scrape()).value("centralcloud_missing_messages", { queue: ofSessions }) === 0,
    20_000,
  );
});
