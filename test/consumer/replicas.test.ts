import { createConsumer } from "@centralcloud/consumer";
import { QueueClient } from "@centralcloud/queue";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configurationFor, queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
let second: TestDatabase;

beforeAll(async () => {
  second = await createTestDatabase("source");
});
afterAll(() => dropTestDatabase(second));

const many = (count: number) => Array.from({ length: count }, () => patternMessage());

async function consumersListed(): Promise<{ id: string; version: string; host: string }[]> {
  const { rows } = await system.central.pool.query(
    "select id, version, host from central.consumers where last_seen_at > now() - interval '30 seconds'",
  );
  return rows;
}

test("four replicas share two sources: each message counts once, and each replica is listed while it lives", async () => {
  const configuration = configurationFor(system, {
    sourceUrls: [system.singularity.url, second.url],
    batchSize: 20,
  });
  const sources = [queuesOf(system), new QueueClient(second.pool)];
  for (const queues of sources) await queues.sendBatch(queue, many(1_000));
  const replicas = Array.from({ length: 4 }, () => createConsumer(configuration, () => {}));
  await Promise.all(replicas.map((replica) => replica.start()));
  await until("both queues are empty", async () => {
    const empty = await Promise.all(sources.map((queues) => queues.isEmpty(queue)));
    return empty.every(Boolean);
  });
  const listed = await until("all are listed", async () => {
    const rows = await consumersListed();
    return rows.length === 4 ? rows : undefined;
  });
  expect(new Set(listed.map(({ id }) => id))).toEqual(
    new Set(replicas.map((replica) => replica.health().replica)),
  );
  expect(listed[0]).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  await Promise.all(replicas.map((replica) => replica.stop()));
  expect(await consumersListed()).toEqual([]);
  const { rows } = await system.central.pool.query(
    "select sum(observation_count)::integer as count from central.patterns",
  );
  expect(rows).toEqual([{ count: 2_000 }]);
});

test("a source that is down is told and costs no readiness, and the others are consumed meanwhile", async () => {
  const consumer = createConsumer(
    configurationFor(system, { sourceUrls: [system.singularity.url, second.url] }),
    () => {},
  );
  await consumer.start();
  try {
    await until("both are consumed", () => consumer.health().working);
    await system.singularity.pool.query(
      `alter database ${second.name} with allow_connections false`,
    );
    await system.singularity.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and application_name like 'centralcloud%'`,
      [second.name],
    );
    await until("the dead source is told", () =>
      consumer.health().sources[1]?.lanes.every(({ fault }) => fault?.side === "source"),
    );
    await queuesOf(system).sendBatch(queue, many(500));
    await until("the other is empty", () => queuesOf(system).isEmpty(queue));
    expect(consumer.health()).toMatchObject({ ready: true, working: false });
    expect(consumer.health().sources[0]?.lanes.every(({ fault }) => fault === undefined)).toBe(
      true,
    );
  } finally {
    await system.singularity.pool.query(
      `alter database ${second.name} with allow_connections true`,
    );
  }
  await until("the source is back", () => consumer.health().working);
  await consumer.stop();
});

test("a replica that was silent for a day is forgotten", async () => {
  await system.central.pool.query(
    `insert into central.consumers (id, version, host, last_seen_at)
     values (gen_random_uuid(), '0', 'gone', now() - interval '25 hours'),
            (gen_random_uuid(), '0', 'silent', now() - interval '23 hours')`,
  );
  await system.central.pool.query("select central.report_consumer(gen_random_uuid(), '1', 'here')");
  const { rows } = await system.central.pool.query(
    "select host from central.consumers order by host",
  );
  expect(rows).toEqual([{ host: "here" }, { host: "silent" }]);
});
