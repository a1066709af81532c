import { confirmSources, type HeldKeys } from "@centralcloud/central";
import type { Lane, SourceWatch } from "@centralcloud/lane";
import { createPool, endPool } from "@centralcloud/postgres";
import {
  definePart,
  type Observe,
  type Part,
  settledWithin,
  withoutContents,
} from "@centralcloud/service";
import { createKeyRing, createSealChecker } from "@centralcloud/session-keys";
import { type ConsumerConfiguration, throwAsConfigurationError } from "./configuration.ts";
import { centralPoolSize } from "./connection-budget.ts";
import { createDatabaseBreaker } from "./database-breaker.ts";
import { createEpochParts } from "./epochs/epoch-parts.ts";
import { createHeartbeat, createReplica } from "./heartbeat.ts";
import { createReadinessReporter, type Health } from "./readiness.ts";
import { createSessionGate } from "./session-gate.ts";
import { createSource, endPoolMs, type RefusedState } from "./source.ts";
import { SourceHolders } from "./source-identity.ts";
import { queryTimeoutMs } from "./source-sessions.ts";

export type { Health } from "./readiness.ts";

export interface Consumer extends Part {
  /** The lanes of all sources that are connected. */
  readonly lanes: readonly Lane[];
  health(): Health;
  /** Every configured database, by host, port and name, and how its id is another's where it is. */
  sourceStates(): readonly {
    readonly place: string;
    /** The source's name, or its place until that is known. */
    readonly name: string;
    readonly state: RefusedState | undefined;
    readonly isConsumed: boolean;
  }[];
  /** The connection that a source has while it is quiet. */
  watchOf(url: string): SourceWatch | undefined;
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

/** A source that does not answer delays readiness after a start no longer than this. */
const firstTryMs = 10_000;

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
  let heldKeys: HeldKeys = {};
  const { centralUrl, sessionKeys } = configuration;
  const holders = new SourceHolders();
  const heartbeat = createHeartbeat(
    replica,
    () => heldKeys,
    async (store, answerMs) => {
      await readiness.report(store, answerMs);
      const lost = await confirmSources(store, replica.id, holders.claims, answerMs);
      // What they find out is theirs to tell; the heartbeat does not wait for a source.
      for (const source of sources) {
        if (source.sourceId !== undefined && lost.includes(source.sourceId)) source.reclaim();
      }
    },
    centralUrl,
    centralBreaker,
    observe,
  );
  const readiness = createReadinessReporter(replica, () => health());
  const epochs = createEpochParts({
    configuration,
    central,
    heartbeatPool: heartbeat.pool,
    consumerId: replica.id,
    sources: () => sources,
    isAway: () => centralBreaker.isOpen,
    observe,
  });
  const checker = createSealChecker(sessionKeys);
  const requireSealed = configuration.requireSealedSessions;
  const sessionGate = createSessionGate({ checker, requireSealed });
  const shared = { central, centralBreaker, replicaId: replica.id, sessionGate, holders };
  const sources = sourceUrls.map((url) => createSource(url, shared, configuration, epochs.observe));

  let startedAt: number | undefined;
  const hasStarted = () =>
    startedAt !== undefined &&
    (sources.every(({ tried }) => tried) || performance.now() - startedAt > firstTryMs);

  /** Why the central store takes nothing, or undefined. */
  function centralError(): string | undefined {
    const { fault } = centralBreaker;
    if (fault !== undefined) return withoutContents(fault.message, fault.code);
    if (heartbeat.reached || sources.some(({ lanes }) => lanes.length > 0)) return undefined;
    return heartbeat.refusal ?? "it has not answered yet";
  }

  const part = definePart({
    name: "consumer",
    async start() {
      await checker
        .start()
        .catch((error) => throwAsConfigurationError("SESSION_PRIVATE_KEYS", error));
      const { keys } = await createKeyRing(sessionKeys);
      heldKeys = Object.fromEntries(keys.map(({ keyId, fingerprint }) => [keyId, fingerprint]));
      await heartbeat.start();
      await epochs.start();
      await Promise.all(sources.map((source) => source.start()));
      startedAt = performance.now();
      observe({ event: "part-started", part: "consumer" });
    },
    async stop(graceMs) {
      const parts = sources.map((source) => source.stop(graceMs));
      const stopped = Promise.all([epochs.stop(endPoolMs), ...parts]);
      // Beyond the grace period nobody needs the central store any more, also where a source says nothing.
      await settledWithin(stopped, graceMs + endPoolMs);
      await Promise.all([stopped, checker.stop(0), heartbeat.stop(0), endPool(central, endPoolMs)]);
      observe({ event: "part-stopped", part: "consumer" });
    },
  });

  function health(): Health {
    const reports = sources.map((source) => ({
      name: source.name.replace(/^source /, ""),
      ...(source.waitingFor === undefined ? {} : { waitingFor: source.waitingFor }),
      ...(source.refused === undefined ? {} : { refused: source.refused }),
      lanes: source.lanes.map(({ lane, fault, crashes }) => ({
        queue: lane.queue,
        ...(fault === undefined ? {} : { fault }),
        ...(crashes === 0 ? {} : { crashes }),
      })),
    }));
    const error = centralError();
    const lanes = sources.flatMap((source) => source.lanes);
    const consumed = reports.every((report) => report.waitingFor === undefined);
    const faultless = lanes.every(({ fault, restarting }) => fault === undefined && !restarting);
    const fit = lanes.every((lane) => !lane.restarting && !lane.isFaulty("central"));
    return {
      ready: hasStarted() && error === undefined && fit,
      working: consumed && error === undefined && faultless,
      replica: replica.id,
      ...epochs.report(),
      ...(error === undefined ? {} : { central: { error } }),
      sources: reports,
    };
  }

  return {
    ...part,
    health,
    get lanes() {
      return sources.flatMap((source) => source.lanes);
    },
    sourceStates: () =>
      sources.map(({ address, source, refused, waitingFor }) => ({
        place: address,
        name: source,
        state: refused,
        isConsumed: waitingFor === undefined,
      })),
    watchOf: (url) => sources[sourceUrls.indexOf(url)]?.watch,
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
  };
}
