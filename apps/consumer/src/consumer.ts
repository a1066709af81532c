import type { CaptureHealth } from "@centralcloud/cdc";
import { createPool, endPool } from "@centralcloud/db";
import type { Lane } from "@centralcloud/pgmq";
import { definePart, type Observe, type Part, withoutContents } from "@centralcloud/service";
import { createSealChecker } from "@centralcloud/session-keys";
import { type ConsumerConfiguration, throwAsConfigurationError } from "./configuration.ts";
import { centralPoolSize } from "./connection-budget.ts";
import { createDatabaseBreaker } from "./database-breaker.ts";
import { createHeartbeat, createReplica } from "./heartbeat.ts";
import { createSessionGate } from "./session-gate.ts";
import { createSource, endPoolMs, queryTimeoutMs } from "./source.ts";

export interface Health {
  /** Every source is consumed and no lane meets a fault. */
  readonly ready: boolean;
  /** This process in `central.consumers`. */
  readonly replica: string;
  /** What keeps the central store from working, if anything is known to. */
  readonly central?: { readonly error: string };
  /** How this process captures each source's changes; absent where it does not. */
  readonly capture?: readonly CaptureHealth[];
  readonly sources: readonly {
    readonly name: string;
    readonly waitingFor?: string;
    readonly lanes: readonly {
      readonly queue: string;
      readonly fault?: { readonly side: "source" | "central"; readonly error: string };
      /** How often it crashed and went on; absent while never. */
      readonly crashes?: number;
    }[];
  }[];
}

export interface Consumer extends Part {
  /** The lanes of all sources that are connected. */
  readonly lanes: readonly Lane[];
  health(): Health;
  /** What is open now, for whoever draws it over time. */
  breakers(): BreakerStates;
}

/** True: what it keeps work away from did not work when it was last tried. */
export interface BreakerStates {
  readonly central: boolean;
  readonly sources: readonly {
    /** The source's id, or its place until that is known. */
    readonly source: string;
    readonly name: string;
    readonly database: boolean;
    /** Faults that only one lane meets. */
    readonly lanes: readonly {
      readonly queue: string;
      readonly source: boolean;
      readonly central: boolean;
    }[];
  }[];
}

/**
 * All sources, their lanes, and the pool of the central store.
 *
 * `start` rejects with a {@link ConfigurationError} when a private key can't be used.
 */
export function createConsumer(configuration: ConsumerConfiguration, observe: Observe): Consumer {
  const { sourceUrls } = configuration;
  const central = createPool(configuration.centralUrl, {
    applicationName: "centralcloud-consumer",
    max: centralPoolSize(configuration),
    queryTimeoutMs: queryTimeoutMs(configuration),
  });
  const centralBreaker = createDatabaseBreaker({
    name: () => "central",
    url: configuration.centralUrl,
    pool: central,
    observe,
  });
  const replica = createReplica();
  const heartbeat = createHeartbeat(replica, configuration.centralUrl, centralBreaker, observe);
  const checker = createSealChecker(configuration.sessionKeys);
  const requireSealed = configuration.requireSealedSessions;
  const sessionGate = createSessionGate({ checker, requireSealed });
  const shared = { central, centralBreaker, replicaId: replica.id, sessionGate };
  const sources = sourceUrls.map((url) => createSource(url, shared, configuration, observe));

  const part = definePart({
    name: "consumer",
    async start() {
      await checker
        .start()
        .catch((error) => throwAsConfigurationError("SESSION_PRIVATE_KEYS", error));
      await heartbeat.start();
      await Promise.all(sources.map((source) => source.start()));
      observe({ event: "part-started", part: "consumer" });
    },
    async stop(graceMs) {
      await Promise.all(sources.map((source) => source.stop(graceMs)));
      await checker.stop();
      await heartbeat.stop(graceMs);
      await endPool(central, endPoolMs);
      observe({ event: "part-stopped", part: "consumer" });
    },
  });

  return {
    ...part,
    get lanes() {
      return sources.flatMap((source) => source.lanes);
    },
    breakers() {
      return {
        central: centralBreaker.fault !== undefined,
        sources: sources.map(({ source, sourceId, breaker, lanes }) => ({
          source: sourceId ?? source,
          name: source,
          database: breaker.fault !== undefined,
          lanes: lanes.map((lane) => ({
            queue: lane.lane.queue,
            source: lane.isFaulty("source"),
            central: lane.isFaulty("central"),
          })),
        })),
      };
    },
    health() {
      const reports = sources.map((source) => ({
        name: source.name.replace(/^source /, ""),
        ...(source.waitingFor === undefined ? {} : { waitingFor: source.waitingFor }),
        lanes: source.lanes.map(({ lane, fault, crashes }) => ({
          queue: lane.queue,
          ...(fault === undefined ? {} : { fault }),
          ...(crashes === 0 ? {} : { crashes }),
        })),
      }));
      const { fault: down } = centralBreaker;
      const error = down === undefined ? undefined : withoutContents(down.message, down.code);
      const works = reports.every(
        (report) =>
          report.waitingFor === undefined && report.lanes.every((lane) => lane.fault === undefined),
      );
      return {
        ready: works && error === undefined,
        replica: replica.id,
        ...(error === undefined ? {} : { central: { error } }),
        sources: reports,
      };
    },
  };
}
