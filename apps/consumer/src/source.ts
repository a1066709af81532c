import { SourceRefusedError } from "@centralcloud/central";
import { type IdentifiedSource, identifySource } from "@centralcloud/db";
import {
  type Breaker,
  createLane,
  createSourceWatch,
  type Lane,
  type SourceWatch,
} from "@centralcloud/lane";
import {
  classifyFault,
  createClient,
  createPool,
  cutConnections,
  endPool,
  plainTypes,
  withoutSecrets,
} from "@centralcloud/postgres";
import { QueueClient } from "@centralcloud/queue";
import {
  definePart,
  type Observe,
  type Part,
  pause,
  settledWithin,
  untilAborted,
  withoutContents,
} from "@centralcloud/service";
import type { Pool } from "pg";
import type { ConsumerConfiguration } from "./configuration.ts";
import { sourcePoolSize } from "./connection-budget.ts";
import { createDatabaseBreaker } from "./database-breaker.ts";
import { ledgerUpkeep } from "./ledger-upkeep.ts";
import { createRepeatingTask, type RepeatingTask } from "./repeating-task.ts";
import { handlerFor, routes, storeFor } from "./routes.ts";
import type { SessionGate } from "./session-gate.ts";
import {
  type ClockReading,
  SourceChangedError,
  type SourceHolders,
  SourceIdentity,
} from "./source-identity.ts";
import {
  laneAnswerBytes,
  queryTimeoutMs,
  sessionSettings,
  watchAnswerBytes,
  watchSettings,
} from "./source-sessions.ts";

export interface SourcePart extends Part {
  /** The one connection that it has while it is quiet. */
  readonly watch: SourceWatch;
  /** The source's own name, or its place until that is known. */
  readonly source: string;
  /** Undefined until it is known. */
  readonly sourceId: string | undefined;
  /** What its clock showed when it was last asked. */
  readonly clock: ClockReading | undefined;
  /** What all users of the database share. */
  readonly breaker: Breaker;
  /** Empty until the source's identity is known. */
  readonly lanes: readonly Lane[];
  /** Host, port and database. */
  readonly address: string;
  /** Why the source is not consumed yet, or undefined once its lanes run. */
  readonly waitingFor: string | undefined;
  /** How its id is another's, where that is what it waits for. */
  readonly refused: RefusedState | undefined;
  /** Claims its id anew: the central store has another server for it, or does not know it. */
  reclaim(): Promise<void>;
  /** Whether the first attempt to reach it has ended, well or not. */
  readonly tried: boolean;
}

/** `conflict`, `moved`: as the central store judges. `changed`: it is another database than it was. */
export type RefusedState = "conflict" | "moved" | "changed";

/** What all sources of a replica share. */
export interface SharedParts {
  readonly central: Pool;
  readonly centralBreaker: Breaker;
  readonly replicaId: string;
  readonly sessionGate: SessionGate;
  /** Who holds which id. */
  readonly holders: SourceHolders;
}

const retryMs = 1_000;
/** Of a source whose answers cost us each time as much as we grant them. */
const lastCostlyRetryMs = 60_000;

/** How often a database is asked whether it is still the source that it was, beside each new connection. */
const identityCheckMs = 15_000;

/** How long lanes may finish what is in flight when their identity is lost. */
const lostGraceMs = 2_000;

/** How long a pool may take to close after the grace period, before its queries are cut. */
export const endPoolMs = 100;

/**
 * One source: its pool and its lanes. It starts at once and keeps trying until it has read the
 * source's identity and registered it, so that a database that is down delays nobody else.
 */
export function createSource(
  url: string,
  shared: SharedParts,
  configuration: ConsumerConfiguration,
  observe: Observe,
): SourcePart {
  const { transactionPooling } = configuration;
  const { central, centralBreaker, replicaId, sessionGate, holders } = shared;
  const pool = createPool(url, {
    applicationName: "centralcloud-consumer",
    accept: (client) => identity.accept(client),
    max: sourcePoolSize(configuration),
    queryTimeoutMs: queryTimeoutMs(configuration),
    answerBytes: laneAnswerBytes(configuration),
    types: plainTypes,
    ...(transactionPooling ? {} : { sessionSettings }),
  });
  const place = withoutSecrets(url);
  const stopped = new AbortController();
  let name = place;
  let sourceId: string | undefined;
  let lanes: readonly Lane[] = [];
  /** What runs beside the lanes. */
  let others: readonly Part[] = [];
  let waitingFor: string | undefined = "its identity";
  let refused: RefusedState | undefined;
  let tried = false;
  let costlyRetryMs = retryMs;
  let working = Promise.resolve();
  const breaker = createDatabaseBreaker({
    name: () => name,
    sourceId: () => sourceId,
    url,
    pool,
    observe,
  });
  const breakers = { source: breaker, central: centralBreaker };

  const identity = new SourceIdentity({
    address: place,
    central,
    consumerId: replicaId,
    holders,
    isAway: () => breaker.fault !== undefined || (tried && waitingFor !== undefined),
    onMove: ({ sourceId, name }, from) =>
      observe({ event: "source-moved", source: name, sourceId, from, address: place }),
  });

  const watch = createSourceWatch({
    identity: () => ({ source: name, ...(sourceId === undefined ? {} : { sourceId }) }),
    createClient: transactionPooling
      ? undefined
      : () =>
          createClient(url, {
            applicationName: "centralcloud-listener",
            accept: (client) => identity.accept(client),
            sessionFor: "a consumer without CONSUMER_TRANSACTION_POOLING=true",
            sessionSettings: watchSettings,
            answerBytes: watchAnswerBytes,
            types: plainTypes,
          }),
    pool,
    breaker,
    observe,
  });

  /** Consumes the source, and again where it has got another id, or its id back. */
  async function work(): Promise<void> {
    while (!stopped.signal.aborted) {
      const source = await connect();
      if (source === undefined) return;
      await run(source);
      waitingFor = undefined;
      refused = undefined;
      tried = true;
      observe({ event: "part-started", part: `source ${name}`, detail: place });
      const { lost } = identity;
      await untilAborted(AbortSignal.any([lost, stopped.signal]));
      if (stopped.signal.aborted) return;
      refuse(lost.reason);
      await stopLanes(lostGraceMs);
      cutConnections(pool, performance.now());
    }
  }

  /** Until the database's id is claimed; undefined where a stop came first. */
  async function connect(): Promise<IdentifiedSource | undefined> {
    while ((await breaker.admit(stopped.signal)) && (await centralBreaker.admit(stopped.signal))) {
      let side: "source" | "central" = "source";
      try {
        const found = await identifySource(watch);
        breaker.succeeded();
        side = "central";
        const source = await identity.claim(found, watch);
        if (stopped.signal.aborted) return undefined;
        name = source.name;
        sourceId = source.sourceId;
        if (refused !== undefined) {
          observe({ event: "source-accepted", address: place, source: name, sourceId });
        }
        return source;
      } catch (error) {
        if (stopped.signal.aborted) return undefined;
        const { kind, code, message, scope } = classifyFault(error);
        const isRefusal = error instanceof SourceRefusedError;
        if (isRefusal) refuse(error);
        else waitingFor = withoutContents(message, code);
        tried = true;
        if (scope === "database") breakers[side].failed(error);
        else {
          const lane = { source: place, queue: "*" };
          const isCostly = kind === "answer-too-large";
          const retryInMs = isCostly ? costlyRetryMs : retryMs;
          if (isCostly) costlyRetryMs = Math.min(lastCostlyRetryMs, 2 * costlyRetryMs);
          const fault = { side, kind, code, error: message, retryInMs } as const;
          if (!isRefusal) observe({ event: "lane-fault", ...lane, ...fault });
          await pause(retryInMs, stopped.signal);
        }
      }
    }
    return undefined;
  }

  /** Nothing of the database is consumed under an id that is another's. */
  function refuse(error: unknown): void {
    if (!(error instanceof SourceRefusedError || error instanceof SourceChangedError)) return;
    refused = error instanceof SourceRefusedError ? error.state : "changed";
    waitingFor = error.message;
    sourceId = undefined;
    name = place;
    const { message, sourceId: claimed } = error;
    const fault = { address: place, sourceId: claimed, state: refused, error: message };
    observe({ event: "source-refused", ...fault });
  }

  async function stopLanes(graceMs: number): Promise<void> {
    const parts = [...lanes, ...others];
    lanes = [];
    others = [];
    await Promise.all(parts.map((part) => part.stop(graceMs)));
  }

  async function run(source: IdentifiedSource): Promise<void> {
    const prepare = !transactionPooling;
    const queues = new QueueClient(pool);
    const { ledgerRetentionHours: retentionHours } = configuration;
    const watched = new QueueClient(watch);
    const upkeep = ledgerUpkeep({ source, queues: watched, central, retentionHours, observe });
    others = [createRepeatingTask(upkeep, observe), createRepeatingTask(identityCheck(), observe)];
    lanes = routes.map((queue) => {
      const store = storeFor(queue, central, { sourceId: source.sourceId, replicaId, prepare });
      return createLane({
        name: { source: name, sourceId: source.sourceId, queue },
        handler: handlerFor(queue, store, sessionGate, source.sourceId),
        queues,
        breakers,
        observe,
        consumer: replicaId,
        idleWatch: watch,
        batchSize: configuration.batchSize,
        backlogBatchSize: configuration.backlogBatchSize,
        concurrency: configuration.concurrency,
        visibilityTimeoutS: configuration.visibilityTimeoutS,
        maxAttempts: configuration.maxAttempts,
        maxDeliveries: configuration.maxDeliveries,
        maxMessageBytes: configuration.maxMessageBytes,
        traceparents: configuration.tracing !== undefined,
      });
    });
    for (const part of [...others, ...lanes]) await part.start();
  }

  /** A session that lasts may be given another id beneath it. */
  function identityCheck(): RepeatingTask {
    return {
      name: "identity",
      firstAfterMs: identityCheckMs * Math.random(),
      everyMs: identityCheckMs,
      // What keeps the database from answering is told by its breaker; what is wrong with its identity, by its loss.
      run: () => identity.accept(watch).catch(() => {}),
    };
  }

  const part = definePart({
    name: `source ${place}`,
    async start() {
      await watch.start();
      working = work();
    },
    async stop(graceMs) {
      stopped.abort();
      // What has no lanes yet has nothing in flight; it may wait for a database that says nothing.
      if (lanes.length > 0) await settledWithin(working, graceMs);
      identity.release();
      const watchStopped = watch.stop(graceMs);
      await Promise.all([...lanes, ...others].map((part) => part.stop(graceMs)));
      // A watch that has lost its own connection may wait for one of the pool: that ends with the pool.
      await Promise.all([endPool(pool, endPoolMs), watchStopped]);
      observe({ event: "part-stopped", part: `source ${place}` });
    },
  });

  return {
    ...part,
    watch,
    breaker,
    get source() {
      return name;
    },
    get sourceId() {
      return sourceId;
    },
    get clock() {
      return identity.clock;
    },
    get lanes() {
      return lanes;
    },
    address: place,
    get waitingFor() {
      return waitingFor;
    },
    get refused() {
      return refused;
    },
    reclaim: () => identity.reclaim(watch).catch(() => {}),
    get tried() {
      return tried;
    },
  };
}
