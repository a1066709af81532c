import {
  fanOut,
  groupParts,
  logSink,
  type Observe,
  observationWithoutContents,
  type Part,
} from "@centralcloud/service";
import { destination, type Logger, pino } from "pino";
import { createCaptureParts } from "./capture.ts";
import type { ConsumerConfiguration } from "./configuration.ts";
import { createConsumer } from "./consumer.ts";
import { createHttpServer } from "./http-server.ts";

/** A logger that writes JSON lines to standard output (1) or standard error (2). */
export function createLogger(level: string, fileDescriptor: 1 | 2): Logger {
  return pino({ level, base: null }, destination({ fd: fileDescriptor, sync: true }));
}

/** The deployable service: the consumer with its HTTP endpoints. */
export function createConsumerService(
  configuration: ConsumerConfiguration,
  logger: Logger,
  ...sinks: readonly Observe[]
): Part {
  // No sink gets what must not leave the process.
  const tell = fanOut(logSink(logger), ...sinks);
  const observe: Observe = (observation) => tell(observationWithoutContents(observation));
  const consumer = createConsumer(configuration, observe);
  const http = createHttpServer(configuration.httpPort, () => consumer.health(), observe);
  const capture = createCaptureParts(configuration, observe);
  return groupParts("consumer service", [http, ...capture, consumer]);
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
