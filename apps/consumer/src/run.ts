import type { CaptureHealth } from "@centralcloud/cdc";
import {
  fanOut,
  groupParts,
  logSink,
  type Observe,
  observationWithoutContents,
  type Part,
} from "@centralcloud/service";
import type { Logger } from "pino";
import { createConfiguredCapture } from "./capture.ts";
import type { ConsumerConfiguration } from "./configuration.ts";
import { createConsumer, type Health } from "./consumer.ts";
import { createHttpServer } from "./http-server.ts";
import { createLooks } from "./looks/looks.ts";
import { createMetrics } from "./metrics/metrics.ts";
import type { ReplicaState } from "./metrics/replica-metrics.ts";
import type { ConsumerObservation } from "./observation.ts";
import { consumerEvents } from "./observation.ts";
import { createTracing } from "./tracing/tracing.ts";

/** The deployable service: the consumer, the capture where it is asked for, and the HTTP endpoints. */
export function createConsumerService(
  configuration: ConsumerConfiguration,
  logger: Logger,
  ...sinks: readonly Observe<ConsumerObservation>[]
): Part {
  const told = fanOut(logSink(logger, consumerEvents), ...sinks);
  const looks = createLooks(configuration, (url) => consumer.watchOf(url), told);
  const replica: ReplicaState = {
    health: () => withCapture(consumer.health(), capture?.health()),
    breakers: () => consumer.breakers(),
    sourceStates: () => consumer.sourceStates(),
  };
  const metrics = createMetrics(replica, looks);
  const tracing =
    configuration.tracing === undefined
      ? undefined
      : createTracing(configuration.tracing, () => consumer.health().replica, told);
  const tell = fanOut(told, metrics.observe, ...(tracing === undefined ? [] : [tracing.observe]));
  // No sink gets what must not leave the process.
  const observe: Observe<ConsumerObservation> = (observation) =>
    tell(observationWithoutContents(observation));
  const consumer = createConsumer(configuration, observe);
  const capture = createConfiguredCapture(configuration, observe);
  const { health } = replica;
  const { httpPort: port, httpAddress: address } = configuration;
  const place = address === undefined ? { port } : { port, address };
  const variables = { port: "CONSUMER_HTTP_PORT", address: "CONSUMER_HTTP_ADDRESS" };
  const http = createHttpServer({ ...place, variables, health, metrics, observe });
  return groupParts("consumer service", [
    ...(tracing === undefined ? [] : [tracing]),
    looks,
    http,
    ...(capture === undefined ? [] : [capture]),
    consumer,
  ]);
}

/**
 * A capture does not decide about readiness, not even one that is lost: queues are consumed nevertheless, and
 * replacing or holding back replicas would not bring back what is missing. It is shown, and alerted of.
 */
function withCapture(health: Health, capture: readonly CaptureHealth[] | undefined): Health {
  return capture === undefined ? health : { ...health, capture };
}
