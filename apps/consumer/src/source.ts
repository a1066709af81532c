import {
  createClient,
  createPool,
  endPool,
  readSource,
  registerSource,
  type Source,
  withoutSecrets,
} from "@centralcloud/db";
import {
  type Breaker,
  ClaimClient,
  classifyFault,
  createLane,
  createQueueListener,
  type Lane,
  PgmqClient,
} from "@centralcloud/pgmq";
import {
  definePart,
  type Observe,
  type Part,
  pause,
  settledWithin,
  withoutContents,
} from "@centralcloud/service";
import type { Pool } from "pg";
import type { ConsumerConfiguration } from "./configuration.ts";
import { sourcePoolSize } from "./connection-budget.ts";
import { createDatabaseBreaker } from "./database-breaker.ts";
import { ledgerUpkeep } from "./ledger-upkeep.ts";
import { createRepeatingTask } from "./repeating-task.ts";
import { handlerFor, routes, storeFor } from "./routes.ts";
import type { SessionGate } from "./session-gate.ts";

export interface SourcePart extends Part {
  /** The source's own name, or its place until that is known. */
  readonly source: string;
  /** Undefined until it is known. */
  readonly sourceId: string | undefined;
  /** What all users of the database share. */
  readonly breaker: Breaker;
  /** Empty until the source's identity is known. */
  readonly lanes: readonly Lane[];
  /** Why the source is not consumed yet, or undefined once its lanes run. */
  readonly waitingFor: string | undefined;
}

/** What all sources of a replica share. */
export interface SharedParts {
  readonly central: Pool;
  readonly centralBreaker: Breaker;
  readonly replicaId: string;
  readonly sessionGate: SessionGate;
}

const retryMs = 1_000;

/** Of the sessions at a source. */
const sessionSettings = {
  // What a crash of the server undoes is done again without harm: a claim is made anew, and what was archived
  // or given up comes back, which the ledger knows.
  synchronous_commit: "off",
  // A queue's statistics are always wrong: it was empty a minute ago, or full. Without this, a read may sort all of it.
  enable_seqscan: "off",
  jit: "off",
};

/** How long a pool may take to close after the grace period, before its queries are cut. */
export const endPoolMs = 1_000;

/**
 * How long a query may take before it is given up: as long as a lease, but not so short that a merge
 * which keeps its lease by extending it is cut.
 */
export function queryTimeoutMs({ visibilityTimeoutS }: ConsumerConfiguration): number {
  return Math.max(30, visibilityTimeoutS) * 1000;
}

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
  const { central, centralBreaker, replicaId, sessionGate } = shared;
  const pool = createPool(url, {
    applicationName: "centralcloud-consumer",
    max: sourcePoolSize(configuration),
    queryTimeoutMs: queryTimeoutMs(configuration),
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
  let connecting = Promise.resolve();
  const breaker = createDatabaseBreaker({
    name: () => name,
    sourceId: () => sourceId,
    url,
    pool,
    observe,
  });
  const breakers = { source: breaker, central: centralBreaker };

  async function connect(): Promise<void> {
    while (!stopped.signal.aborted) {
      let side: "source" | "central" = "source";
      try {
        const source = await readSource(pool);
        side = "central";
        await registerSource(central, source);
        if (stopped.signal.aborted) return;
        name = source.name;
        sourceId = source.sourceId;
        await run(source);
        waitingFor = undefined;
        observe({ event: "part-started", part: `source ${name}`, detail: place });
        return;
      } catch (error) {
        const { kind, code, message, scope } = classifyFault(error);
        waitingFor = withoutContents(message, code);
        if (scope === "database") breakers[side].failed(error);
        const lane = { source: place, queue: "*" };
        const fault = { side, kind, code, error: message, retryInMs: retryMs } as const;
        observe({ event: "lane-fault", ...lane, ...fault });
        await pause(retryMs, stopped.signal);
      }
    }
  }

  async function run(source: Source): Promise<void> {
    const prepare = !transactionPooling;
    const queues = new PgmqClient(pool);
    const listener = transactionPooling
      ? undefined
      : createQueueListener({
          source: name,
          sourceId: source.sourceId,
          createClient: () => createClient(url, "centralcloud-listener"),
          observe,
        });
    const { ledgerRetentionHours: retentionHours } = configuration;
    const upkeep = ledgerUpkeep({ source, queues, central, retentionHours, observe });
    others = [...(listener ? [listener] : []), createRepeatingTask(upkeep, observe)];
    lanes = routes.map((queue) => {
      const store = storeFor(queue, central, { sourceId: source.sourceId, replicaId, prepare });
      return createLane({
        ...configuration,
        name: { source: name, sourceId: source.sourceId, queue },
        handler: handlerFor(queue, store, sessionGate),
        source: queues,
        claims: new ClaimClient(pool),
        breakers,
        observe,
        consumer: replicaId,
        traceparents: configuration.tracing !== undefined,
        ...(listener ? { idleWatch: listener } : {}),
      });
    });
    for (const part of [...others, ...lanes]) await part.start();
  }

  const part = definePart({
    name: `source ${place}`,
    async start() {
      connecting = connect();
    },
    async stop(graceMs) {
      stopped.abort();
      // It may wait for a database that says nothing; the end of its pool ends that.
      await settledWithin(connecting, graceMs);
      await Promise.all([...lanes, ...others].map((part) => part.stop(graceMs)));
      await endPool(pool, endPoolMs);
      observe({ event: "part-stopped", part: `source ${place}` });
    },
  });

  return {
    ...part,
    breaker,
    get source() {
      return name;
    },
    get sourceId() {
      return sourceId;
    },
    get lanes() {
      return lanes;
    },
    get waitingFor() {
      return waitingFor;
    },
  };
}
