import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readConsumerConfiguration } from "@centralcloud/consumer";
import { afterAll, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
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
const directory = mkdtempSync(join(tmpdir(), "centralcloud-loaded-"));
const report = join(directory, "loaded.json");
const reporter = fileURLToPath(new URL("../support/report-loaded.cjs", import.meta.url));
const sdk = /@opentelemetry[/+](sdk|exporter|otlp|resources|core)/;

afterAll(() => rmSync(directory, { recursive: true }));

const off: Record<string, Record<string, string>> = {
  "nothing of OpenTelemetry is set": {},
  OTEL_SDK_DISABLED: {
    OTEL_SDK_DISABLED: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
  },
  "the exporter is none": {
    OTEL_TRACES_EXPORTER: "none",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
  },
};

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const sendTraced = () =>
  queuesOf(system).send(queue, patternMessage(), JSON.stringify({ traceparent }));

/**
 * The files that a consumer has loaded once it has settled a message that carries a trace. It is a process of its own:
 * this one has loaded what other tests needed.
 */
async function filesLoaded(variables: Readonly<Record<string, string>>): Promise<string[]> {
  const consumer = startCommand(["consume"], {
    ...environmentOf(system),
    ...variables,
    LOG_LEVEL: "debug",
    NODE_OPTIONS: `--require=${reporter}`,
    REPORT_LOADED_TO: report,
  });
  await sendTraced();
  await until("it is settled", () => consumer.output().includes("batch-archived"));
  consumer.child.kill("SIGTERM");
  await consumer.finished;
  return JSON.parse(readFileSync(report, "utf8"));
}

test.each(Object.entries(off))("no SDK is loaded when %s", async (_, variables) => {
  const loaded = await filesLoaded(variables);
  // What is not written in JavaScript modules is found this way, as this library shows.
  expect(loaded.some((file) => file.includes("prom-client"))).toBe(true);
  expect(loaded.filter((file) => sdk.test(file))).toEqual([]);
});

test.each(Object.entries(off))("no header is read when %s", async (_, variables) => {
  const configuration = readConsumerConfiguration({ ...environmentOf(system), ...variables });
  const service = await services.start(configuration);
  await sendTraced();
  await until("it is settled", () => queuesOf(system).isEmpty(queue));
  await service.stop();
  const reads = service.observations.filter(({ event }) => event === "batch-read");
  expect(reads).toHaveLength(1);
  expect(reads[0]).not.toHaveProperty("traceparents");
});

test("the SDK is loaded where spans are asked for", async () => {
  const loaded = await filesLoaded({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
  expect(loaded.some((file) => sdk.test(file))).toBe(true);
});
