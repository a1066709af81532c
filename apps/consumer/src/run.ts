import type { CaptureHealth } from "@centralcloud/cdc";
import {
  fanOut,
  groupParts,
  logSink,
  type Observe,
  observationWithoutContents,
  type Part,
} from "@centralcloud/service";
import { destination, type Logger, pino } from "pino";
import { createConfiguredCapture } from "./capture.ts";
import type { ConsumerConfiguration } from "./configuration.ts";
import { createConsumer, type Health } from "./consumer.ts";
import { createHttpServer } from "./http-server.ts";
import { createLooks } from "./looks/looks.ts";
import { createMetrics } from "./metrics/metrics.ts";
import type { ReplicaState } from "./metrics/replica-metrics.ts";
import { createTracing } from "./tracing/tracing.ts";

/** A logger that writes JSON lines to standard output (1) or standard error (2). */
export function createLogger(level: string, fileDescriptor: 1 | 2): Logger {
  return pino({ level, base: null }, destination({ fd: fileDescriptor, sync: true }));
}

/** The deployable service: the consumer, the capture where it is asked for, and the HTTP endpoints. */
export function createConsumerService(
  configuration: ConsumerConfiguration,
  logger: Logger,
  ...sinks: readonly Observe[]
): Part {
  const told = fanOut(logSink(logger), ...sinks);
  const looks = createLooks(configuration, told);
  const replica: ReplicaState = {
    health: () => withCapture(consumer.health(), capture?.health()),
    breakers: () => consumer.breakers(),
  };
  const metrics = createMetrics(replica, looks);
  const tracing =
    configuration.tracing === undefined
      ? undefined
      : createTracing(configuration.tracing, () => consumer.health().replica, told);
  const tell = fanOut(told, metrics.observe, ...(tracing === undefined ? [] : [tracing.observe]));
  // No sink gets what must not leave the process.
  const observe: Observe = (observation) => tell(observationWithoutContents(observation));
  const consumer = createConsumer(configuration, observe);
  const capture = createConfiguredCapture(configuration, observe);
  const { health } = replica;
  const http = createHttpServer({ port: configuration.httpPort, health, metrics, observe });
  return groupParts("consumer service", [
    ...(tracing === undefined ? [] : [tracing]),
    looks,
    http,
    ...(capture === undefined ? [] : [capture]),
    consumer,
  ]);
}

/**
 * A capture does not decide about readiness, not even one that is lost: queues are consumed all the same, and
 * replacing or holding back replicas would not bring back what is missing. It is shown, and alerted of.
 */
function withCapture(health: Health, capture: readonly CaptureHealth[] | undefined): Health {
  return capture === undefined ? health : { ...health, capture };
}

/** One Ctrl-C can arrive twice: from the terminal, and again from npm, which forwards it at once. */
const echoMs = 200;

/**
 * Runs a part until SIGTERM or SIGINT, then stops it within the grace period. A second signal ends
 * the process at once: what was in flight comes back when its lease ends.
 */
export async function runUntilSignal(part: Part, graceS: number, observe: Observe): Promise<void> {
  const signals = ["SIGTERM", "SIGINT"] as const;
  let resolve: (signal: NodeJS.Signals) => void = () => {};
  const signalled = new Promise<NodeJS.Signals>((settle) => {
    resolve = settle;
  });
  let askedAt: number | undefined;
  const listen = (signal: NodeJS.Signals) => {
    if (askedAt !== undefined && performance.now() - askedAt > echoMs) process.exit(1);
    askedAt ??= performance.now();
    resolve(signal);
  };
  for (const signal of signals) process.on(signal, listen);
  try {
    const starting = part.start();
    // A failed start ends the run; a signal that comes first ends the start.
    const signal = await Promise.race([signalled, starting.then(() => signalled)]);
    observe({ event: "stop-requested", signal });
    await part.stop(graceS * 1000);
    await starting.catch(() => {});
  } finally {
    for (const signal of signals) process.off(signal, listen);
  }
}
