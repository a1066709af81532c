import { setTimeout as delay } from "node:timers/promises";
import {
  type ConsumerConfiguration,
  createConsumerService,
  PortTakenError,
} from "@centralcloud/consumer";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import { startUnder } from "./late-part.ts";
import type { Logger } from "./log-file.ts";
import type { Observation } from "./observation.ts";

export interface LocalConsumerOptions {
  readonly configuration: ConsumerConfiguration;
  /** Whether another port will do when the configured one is taken. */
  readonly anyPort: boolean;
  readonly logger: Logger;
  readonly observe: Observe<Observation>;
}

/** The consumer as it is deployed; `httpPort` is where it listens, once it has started. */
export interface LocalConsumer extends Part {
  readonly httpPort: number;
}

/** Longer than connecting takes. A source that is slower is consumed as soon as it answers. */
const connectMs = 5_000;

export function createLocalConsumer(options: LocalConsumerOptions): LocalConsumer {
  const { configuration, anyPort, logger, observe } = options;
  const connected = new AbortController();
  let service: Part | undefined;
  let httpPort = 0;
  let sources = 0;

  /** The port and the sources are only told by observations. */
  function watch(observation: Observation): void {
    if (observation.event !== "part-started") return;
    const { part, port } = observation;
    if (port !== undefined) httpPort = port;
    if (part.startsWith("source ")) sources += 1;
    if (sources === configuration.sourceUrls.length) connected.abort();
  }

  async function startOn(port: number, signal: AbortSignal): Promise<void> {
    const settings = { ...configuration, httpPort: port };
    service = createConsumerService(settings, logger, observe, watch);
    await startUnder(service, signal);
  }

  const part = definePart({
    name: "consumer service",
    async start(signal) {
      try {
        await startOn(configuration.httpPort, signal);
      } catch (error) {
        if (!(error instanceof PortTakenError && anyPort)) throw error;
        await startOn(0, signal);
      }
      const waiting = AbortSignal.any([signal, connected.signal]);
      await delay(connectMs, undefined, { signal: waiting }).catch(() => {});
    },
    async stop(graceMs) {
      await service?.stop(graceMs);
    },
  });
  return {
    ...part,
    get httpPort() {
      return httpPort;
    },
  };
}
