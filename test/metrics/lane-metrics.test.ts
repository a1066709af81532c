import { beforeAll, beforeEach, expect, test } from "vitest";
import { archivedIn, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { type TestService, useService } from "../support/service.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const services = useService(system);
const queue = "centralcloud-new-patterns";
let source: string;

beforeAll(async () => {
  const { rows } = await system.singularity.pool.query("select source_id from singularity_source");
  source = rows[0].source_id;
});

beforeEach(async () => {
  await system.singularity.pool.query(
    `truncate pgmq."q_${queue}", pgmq."a_${queue}", pgmq."q_${queue}-dlq"`,
  );
});

/** Waits until a metric of the lane has a value, and returns all metrics as they were then. */
async function reaches(
  service: TestService,
  name: string,
  value: number,
  labels: Readonly<Record<string, string>> = {},
) {
  return await until(`${name} ${JSON.stringify(labels)} to reach ${value}`, async () => {
    const scrape = await service.scrape();
    return (scrape.value(name, labels) ?? 0) >= value ? scrape : undefined;
  });
}

async function send(...messages: string[]): Promise<void> {
  await queuesOf(system).sendBatch(queue, messages);
}

/** A merge that waits for `work`, because somebody has locked what it writes to. */
async function whileMergesWait(work: () => Promise<void>): Promise<void> {
  const client = await system.central.pool.connect();
  try {
    await client.query("begin; lock table central.patterns in exclusive mode");
    await work();
  } finally {
    await client.query("rollback");
    client.release();
  }
}

test("what is delivered, merged, archived and dead-lettered is counted by source and queue", async () => {
  const service = await services.start();
  await service.ready();
  expect(
    (await service.scrape()).value("centralcloud_messages_merged_total", { source, queue }),
  ).toBe(0);
  await send(patternMessage(), patternMessage(), patternMessage(), '{"agent_id": ""}');
  const delivered = { messaging_destination_name: queue, messaging_operation_name: "read" };
  const dead = await reaches(service, "centralcloud_messages_dead_lettered_total", 1, { queue });
  expect(
    dead.value("centralcloud_messages_dead_lettered_total", { source, queue, reason: "invalid" }),
  ).toBe(1);
  const done = await reaches(service, "centralcloud_batches_total", 1, { outcome: "settled" });
  expect(done.value("centralcloud_messages_merged_total", { source, queue })).toBe(3);
  expect(done.value("centralcloud_messages_archived_total", { source, queue })).toBe(3);
  expect(done.value("messaging_client_consumed_messages_total", { source, ...delivered })).toBe(4);
  expect(done.value("centralcloud_read_bytes_total", { source, queue })).toBeGreaterThan(300);
  expect(done.value("centralcloud_batch_messages_sum", { queue })).toBe(4);
  const operations = "messaging_client_operation_duration_seconds";
  for (const messaging_operation_name of ["read", "archive"]) {
    const labels = { messaging_system: "pgmq", messaging_operation_name };
    expect(done.value(`${operations}_count`, labels)).toBeGreaterThan(0);
    expect(done.value(`${operations}_sum`, labels)).toBeGreaterThan(0);
  }
  for (const stage of ["check", "merge"]) {
    const name = "centralcloud_batch_stage_duration_seconds";
    expect(done.value(`${name}_count`, { queue, stage })).toBeGreaterThan(0);
  }
  expect(
    done.value("messaging_process_duration_seconds_count", {
      messaging_destination_name: queue,
      messaging_operation_name: "process",
    }),
  ).toBeGreaterThan(0);
});

test("the latency of a message counts from its sending, and its buckets add up", async () => {
  await send(patternMessage(), patternMessage());
  await system.singularity.pool.query(
    `update pgmq."q_${queue}" set enqueued_at = enqueued_at - interval '100 seconds'
      where msg_id = (select min(msg_id) from pgmq."q_${queue}")`,
  );
  const service = await services.start();
  const name = "centralcloud_message_latency_seconds";
  const seen = await reaches(service, `${name}_count`, 2, { queue });
  expect(seen.value(`${name}_bucket`, { queue, le: "60" })).toBe(1);
  expect(seen.value(`${name}_bucket`, { queue, le: "300" })).toBe(2);
  expect(seen.value(`${name}_bucket`, { queue, le: "+Inf" })).toBe(2);
  expect(seen.value(`${name}_sum`, { queue })).toBeGreaterThan(100);
  expect(seen.value(`${name}_sum`, { queue })).toBeLessThan(160);
});

test("a message that was merged before is counted as a duplicate", async () => {
  const service = await services.start();
  await send(patternMessage());
  await until("it is archived", async () => (await archivedIn(system, queue)) === 1);
  await system.singularity.pool.query(
    `with gone as (delete from pgmq."a_${queue}" returning *)
     insert into pgmq."q_${queue}" (msg_id, read_ct, enqueued_at, vt, message, headers)
     overriding system value select msg_id, 0, enqueued_at, now(), message, headers from gone`,
  );
  const seen = await reaches(service, "centralcloud_messages_duplicate_total", 1, { queue });
  expect(seen.value("centralcloud_messages_merged_total", { source, queue })).toBe(1);
});

test("an error that may be the message's own counts as a failed attempt", async () => {
  await system.central.pool.query(`
    create function central.refuse_poison() returns trigger language plpgsql as $$
    begin
      raise exception 'refused for a test' using errcode = 'ZZ001';
    end $$;
    create trigger refuse_poison before insert on central.patterns
      for each row when (new.pattern ? 'poison') execute function central.refuse_poison()`);
  try {
    const service = await services.start({ maxAttempts: 2 });
    await send(patternMessage({ pattern: { poison: 1 } }));
    await reaches(service, "centralcloud_attempts_failed_total", 1, { queue });
    await reaches(service, "centralcloud_messages_dead_lettered_total", 1, { reason: "failed" });
  } finally {
    await system.central.pool.query("drop function central.refuse_poison cascade");
  }
});

test("a lane that meets a fault of its own shows an open breaker until it has recovered", async () => {
  const service = await services.start();
  await service.ready();
  const breaker = { source, queue, side: "central" };
  expect((await service.scrape()).value("centralcloud_lane_breaker_open", breaker)).toBe(0);
  await system.central.pool.query("alter function central.merge_patterns rename to elsewhere");
  try {
    await send(patternMessage());
    const kind = "not-migrated";
    await reaches(service, "centralcloud_lane_faults_total", 1, { queue, side: "central", kind });
    const seen = await reaches(service, "centralcloud_lane_breaker_open", 1, breaker);
    expect(seen.value("centralcloud_ready")).toBe(0);
    expect(seen.value("centralcloud_lane_breaker_open", { queue: "agent-sessions" })).toBe(0);
    await reaches(service, "centralcloud_messages_released_total", 1, { queue, cause: "fault" });
    await reaches(service, "centralcloud_batches_total", 1, { queue, outcome: "fault" });
  } finally {
    await system.central.pool.query("alter function central.elsewhere rename to merge_patterns");
  }
  const seen = await reaches(service, "centralcloud_messages_merged_total", 1, { queue });
  expect(seen.value("centralcloud_lane_breaker_open", breaker)).toBe(0);
});

test("a lease that is extended, and messages that somebody else took meanwhile, are counted", async () => {
  const service = await services.start({ visibilityTimeoutS: 2 });
  await service.ready();
  await whileMergesWait(async () => {
    await send(patternMessage());
    await reaches(service, "centralcloud_lease_extensions_total", 1, { queue });
    await system.singularity.pool.query(`update pgmq."q_${queue}" set read_ct = read_ct + 1`);
    await reaches(service, "centralcloud_lease_lost_messages_total", 1, { queue });
  });
});

test("a dead letter that the source does not take is counted", async () => {
  await system.singularity.pool.query(`alter table pgmq."q_${queue}-dlq" rename to elsewhere`);
  try {
    const service = await services.start();
    await send("{}");
    await reaches(service, "centralcloud_dead_letters_refused_total", 1, { queue });
  } finally {
    await system.singularity.pool.query(`alter table pgmq.elsewhere rename to "q_${queue}-dlq"`);
  }
});

test("a lane that crashes by a mistake of ours is counted, and continues", async () => {
  let crashes = 0;
  const service = await services.start({ visibilityTimeoutS: 1 }, ({ event }) => {
    if (event === "batch-read" && crashes++ === 0) throw new TypeError("a mistake");
  });
  await send(patternMessage());
  await reaches(service, "centralcloud_lane_crashes_total", 1, { queue });
  await reaches(service, "centralcloud_messages_merged_total", 1, { queue });
});
