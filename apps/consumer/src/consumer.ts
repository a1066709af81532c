import { createPool, endPool } from "@centralcloud/db";
import type { Lane } from "@centralcloud/pgmq";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import { createSealChecker } from "@centralcloud/session-keys";
import { type ConsumerConfiguration, throwAsConfigurationError } from "./configuration.ts";
import { routes } from "./routes.ts";
import { createSessionGate } from "./session-gate.ts";
import { createSource, endPoolMs } from "./source.ts";

export interface Health {
  /** Every source is consumed and no lane meets a fault. */
  readonly ready: boolean;
  readonly sources: readonly {
    readonly name: string;
    readonly waitingFor?: string;
    readonly lanes: readonly {
      readonly queue: string;
      readonly fault?: { readonly side: "source" | "central"; readonly error: string };
    }[];
  }[];
}

export interface Consumer extends Part {
  /** The lanes of all sources that are connected. */
  readonly lanes: readonly Lane[];
  health(): Health;
}

/**
 * All sources, their lanes, and the pool of the central store.
 *
 * `start` rejects with a {@link ConfigurationError} when a private key can't be used.
 */
export function createConsumer(configuration: ConsumerConfiguration, observe: Observe): Consumer {
  const { sourceUrls, concurrency } = configuration;
  const central = createPool(configuration.centralUrl, {
    applicationName: "centralcloud-consumer",
    max: Math.max(2, sourceUrls.length * routes.length * concurrency),
    // What takes longer than the lease is somebody else's by then.
    queryTimeoutMs: configuration.visibilityTimeoutS * 1000,
  });
  const checker = createSealChecker(configuration.sessionKeys);
  const requireSealed = configuration.requireSealedSessions;
  const sessionGate = createSessionGate({ checker, requireSealed });
  const sources = sourceUrls.map((url) =>
    createSource(url, central, configuration, sessionGate, observe),
  );

  const part = definePart({
    name: "consumer",
    async start() {
      await checker
        .start()
        .catch((error) => throwAsConfigurationError("SESSION_PRIVATE_KEYS", error));
      await Promise.all(sources.map((source) => source.start()));
      observe({ event: "part-started", part: "consumer" });
    },
    async stop(graceMs) {
      await Promise.all(sources.map((source) => source.stop(graceMs)));
      await checker.stop();
      await endPool(central, endPoolMs);
      observe({ event: "part-stopped", part: "consumer" });
    },
  });

  return {
    ...part,
    get lanes() {
      return sources.flatMap((source) => source.lanes);
    },
    health() {
      const reports = sources.map((source) => ({
        name: source.name.replace(/^source /, ""),
        ...(source.waitingFor === undefined ? {} : { waitingFor: source.waitingFor }),
        lanes: source.lanes.map(({ lane, fault }) => ({
          queue: lane.queue,
          ...(fault === undefined ? {} : { fault }),
        })),
      }));
      const ready = reports.every(
        (report) =>
          report.waitingFor === undefined && report.lanes.every((lane) => lane.fault === undefined),
      );
      return { ready, sources: reports };
    },
  };
}
