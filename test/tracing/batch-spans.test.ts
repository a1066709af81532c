import { readConsumerConfiguration } from "@centralcloud/consumer";
import { afterEach, beforeEach, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { useService } from "../support/service.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const services = useService(system);
const queue = "centralcloud-new-patterns";
let receiver: OtlpReceiver;

beforeEach(async () => {
  receiver = await startOtlpReceiver();
});

afterEach(() => receiver.close());

const producers = [
  ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"],
  ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"],
] as const;

const headersFrom = ([traceId, spanId]: readonly [string, string]) =>
  JSON.stringify({ traceparent: `00-${traceId}-${spanId}-01` });

/** The service, tracing to the receiver as these variables say. */
function start(variables: Record<string, string> = {}) {
  return services.start(
    readConsumerConfiguration({
      ...environmentOf(system),
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      ...variables,
    }),
  );
}

test("a batch is a span that links to the spans which sent its messages, with its steps beneath", async () => {
  const [first, second] = producers;
  const headers = [
    headersFrom(first),
    headersFrom(second),
    headersFrom(second),
    '{"traceparent": "00-00000000000000000000000000000000-0000000000000000-01"}',
    '{"traceparent": "no trace context"}',
    '{"traceparent": 7}',
    '"no object"',
    "{}",
  ];
  await queuesOf(system).sendBatch(
    queue,
    headers.map(() => patternMessage()),
    headers,
  );
  const service = await start({ OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20token" });
  await until("all are settled", () => queuesOf(system).isEmpty(queue));
  await service.stop();

  // The first read is a small one: nothing is known yet of how large the messages are.
  const spans = receiver.spans.filter(({ name }) => name === `process ${queue}`);
  const counts = spans.map(({ attributes }) => attributes["messaging.batch.message_count"]);
  expect(counts.reduce((sum: number, count) => sum + Number(count), 0)).toBe(headers.length);
  const links = spans.flatMap((one) => one.links ?? []);
  const linked = links.map(({ traceId, spanId }) => [traceId, spanId]);
  expect(linked.sort()).toEqual(producers.map((ids) => [...ids]).sort());

  const [span] = spans;
  expect(span).toMatchObject({
    kind: 5,
    attributes: {
      "messaging.system": "pgmq",
      "messaging.destination.name": queue,
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "centralcloud.source": system.singularity.name,
    },
    resource: { "service.name": "centralcloud-consumer", "service.version": expect.any(String) },
  });
  expect(span?.parentSpanId ?? "").toBe("");
  const steps = receiver.spans.filter(({ parentSpanId }) => parentSpanId === span?.spanId);
  expect(steps.map(({ name }) => name)).toEqual(
    ["read", "check", "merge", "archive"].map((step) => `${step} ${queue}`),
  );
  const types = steps.map(({ attributes }) => attributes["messaging.operation.type"]);
  expect(types).toEqual(["receive", undefined, undefined, "settle"]);
  for (const step of steps) {
    expect(step.traceId).toBe(span?.traceId);
    const nanoseconds = BigInt(step.endTimeUnixNano) - BigInt(step.startTimeUnixNano);
    expect(nanoseconds).toBeGreaterThan(0n);
  }
  expect(receiver.requests[0]).toMatchObject({
    path: "/v1/traces",
    headers: { authorization: "Bearer token" },
  });
});

test("what an application writes within a trace is linked to it, and nothing that is none", async () => {
  const [traceId, spanId] = producers[0];
  const { pool } = system.singularity;
  for (const given of [`00-${traceId}-${spanId}-01`, "no trace context", ""]) {
    const client = await pool.connect();
    await client.query("begin");
    await client.query("select set_config('centralcloud.traceparent', $1, true)", [given]);
    await client.query("insert into agents (agent_id) values ('traced') on conflict do nothing");
    await client.query(
      `insert into analysis_results (agent_id, result, confidence, learned)
       values ('traced', jsonb_build_object('given', $1::text), 0.95, false)`,
      [given],
    );
    await client.query("select * from learn_patterns_from_analysis()");
    await client.query("commit");
    client.release();
  }
  const { rows } = await pool.query<{ traceparent: string | null }>(
    `select headers ->> 'traceparent' as traceparent from pgmq."q_${queue}" order by msg_id`,
  );
  expect(rows.map(({ traceparent }) => traceparent)).toEqual([
    `00-${traceId}-${spanId}-01`,
    null,
    null,
  ]);
  const service = await start();
  await until("all are settled", () => queuesOf(system).isEmpty(queue));
  await service.stop();
  const links = receiver.spans.flatMap((one) => one.links ?? []);
  expect(links.map((link) => [link.traceId, link.spanId])).toEqual([[traceId, spanId]]);
});

test("a batch of five hundred messages links to five hundred producers", async () => {
  const count = 500;
  const hex = (n: number, length: number) => n.toString(16).padStart(length, "0");
  await queuesOf(system).sendBatch(
    queue,
    Array.from({ length: count }, () => patternMessage()),
    Array.from({ length: count }, (_, i) => headersFrom([hex(i + 1, 32), hex(i + 1, 16)])),
  );
  const service = await start();
  await until("all are settled", () => queuesOf(system).isEmpty(queue));
  await service.stop();
  const links = receiver.spans.flatMap((span) => span.links ?? []);
  expect(new Set(links.map(({ traceId }) => traceId)).size).toBe(count);
});

test("a batch that meets a fault says which", async () => {
  await system.central.pool.query("alter function central.merge_patterns rename to elsewhere");
  try {
    await queuesOf(system).send(queue, patternMessage());
    const service = await start();
    await until("the fault was met", () =>
      service.observations.some(
        (seen) => seen.event === "batch-finished" && seen.outcome === "fault",
      ),
    );
    await service.stop();
    const span = receiver.spans.find(({ name }) => name === `process ${queue}`);
    expect(span).toMatchObject({ status: { code: 2 }, attributes: { "error.type": "fault" } });
  } finally {
    await system.central.pool.query("alter function central.elsewhere rename to merge_patterns");
  }
});

test("spans go as protobuf unless JSON is asked for", async () => {
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  const service = await services.start(
    readConsumerConfiguration({ ...environmentOf(system), ...variables }),
  );
  await queuesOf(system).send(queue, patternMessage());
  await until("it is settled", () => queuesOf(system).isEmpty(queue));
  await service.stop();
  expect(receiver.requests[0]).toMatchObject({
    path: "/v1/traces",
    headers: { "content-type": "application/x-protobuf" },
  });
});

test("a collector that can't be reached holds up nothing, and is told", async () => {
  const service = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
  await queuesOf(system).send(queue, patternMessage());
  await until("it is settled", () => queuesOf(system).isEmpty(queue));
  await service.stop();
  const told = service.observations.filter(({ event }) => event === "export-failed");
  expect(told[0]).toEqual({
    event: "export-failed",
    what: "spans",
    error: expect.stringMatching(/./),
  });
});

test("a bad value of a variable is a mistake of the configuration", () => {
  const mistakes = [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "token"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "token=50%"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "token=%C3%28"],
    ["OTEL_TRACES_EXPORTER", "zipkin"],
    ["OTEL_SDK_DISABLED", "maybe"],
  ] as const;
  for (const [name, value] of mistakes) {
    const read = () => readConsumerConfiguration({ ...environmentOf(system), [name]: value });
    expect(read, name).toThrow(`${name}: must be`);
  }
});
