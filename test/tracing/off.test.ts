import { createRequire } from "node:module";
import { readConsumerConfiguration } from "@centralcloud/consumer";
import { expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
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

/** Packages of which this process has loaded anything. */
function loaded(pattern: RegExp): string[] {
  return Object.keys(createRequire(import.meta.url).cache).filter((file) => pattern.test(file));
}

const sdk = /@opentelemetry[/+](sdk|exporter|otlp|resources|core)/;

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

test.each(Object.entries(off))(
  "no SDK is loaded and no header is read when %s",
  async (_, variables) => {
    const configuration = readConsumerConfiguration({ ...environmentOf(system), ...variables });
    const service = await services.start(configuration);
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await queuesOf(system).send(queue, patternMessage(), JSON.stringify({ traceparent }));
    await until("it is settled", () => queuesOf(system).isEmpty(queue));
    await service.stop();
    const reads = service.observations.filter(({ event }) => event === "batch-read");
    expect(reads).toHaveLength(1);
    expect(reads[0]).not.toHaveProperty("traceparents");
    // What is not written in JavaScript modules is found this way, as this library shows.
    expect(loaded(/prom-client/)).not.toEqual([]);
    expect(loaded(sdk)).toEqual([]);
  },
);

test("the SDK is loaded where spans are asked for", async () => {
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
  await services.start(readConsumerConfiguration({ ...environmentOf(system), ...variables }));
  expect(loaded(sdk)).not.toEqual([]);
});
