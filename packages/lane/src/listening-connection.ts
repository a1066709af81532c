import {
  classifyFault,
  type EndingClient,
  type Fault,
  SharedSessionError,
} from "@centralcloud/postgres";
import type { Queryable } from "@centralcloud/queue";
import { type Observe, pause, untilAborted } from "@centralcloud/service";
import PQueue from "p-queue";
import type pg from "pg";
import type { Breaker } from "./breakers.ts";
import { watching } from "./tuning.ts";

export interface ListeningConnectionOptions {
  /** The source as observations call it. */
  readonly identity: () => { readonly source: string; readonly sourceId?: string };
  /**
   * Creates a connection that is not connected yet; its session must not be shared, as by a pooler. Undefined where
   * there is no such connection; nothing is notified then.
   */
  readonly createClient: (() => EndingClient) | undefined;
  /** Asked while there is no connection of its own, or it is lost. */
  readonly pool: Queryable;
  /** Of the source's database. */
  readonly breaker: Breaker;
  readonly observe: Observe;
}

interface Farewell {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** How the user of the connection follows its sessions. */
export interface ListeningConnectionUse {
  readonly channel: string;
  onNotification(payload: string | undefined): void;
  /** Another session listens, or none any more. */
  onChange(): void;
  /** Forgets the state of the session; returns its last statement, which is sent if the session still answers. */
  endSession(): Farewell | undefined;
}

/**
 * A connection to a source that listens to one channel and is restored whenever it is lost. Statements use it one at a
 * time; the pool is asked while there is none.
 */
export interface ListeningConnection extends Queryable {
  /** The session that listens; undefined where none does. */
  readonly session: object | undefined;
  /** The fault of the source's database, if there is one. */
  readonly fault: Fault | undefined;
  /**
   * Runs several statements on the connection, with no other statement between them; undefined where there is no
   * connection.
   *
   * @param ms milliseconds after which the connection is cut, and the work fails.
   */
  alone<Result>(
    work: (client: pg.ClientBase) => Promise<Result>,
    ms: number,
  ): Promise<Result> | undefined;
  /** Keeps the connection until the signal is aborted; then sends the last statement and closes it. */
  keep(signal: AbortSignal): Promise<void>;
}

export function createListeningConnection(
  options: ListeningConnectionOptions,
  use: ListeningConnectionUse,
): ListeningConnection {
  const { identity, createClient, pool, breaker, observe } = options;
  /** The connection that works, and the latest one that was tried. */
  let client: EndingClient | undefined;
  let current: EndingClient | undefined;
  /** Resolves when the latest attempt to connect has succeeded or failed; the first attempt is about to be made. */
  let attempt = createOutcome();
  /** Statements of all users, one at a time, as the driver demands. */
  const statements = new PQueue({ concurrency: 1 });

  async function ask<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<pg.QueryResult<Row>> {
    if (client === undefined) await attempt.promise;
    const asked = client;
    const query = { ...bounded(text), values: [...values] };
    if (asked === undefined) return await pool.query<Row>(query);
    return await statements.add(() =>
      asked.query<Row>(query).catch((error: unknown) => {
        // A connection that does not answer is replaced.
        if (classifyFault(error).scope === "database") asked.cut();
        throw error;
      }),
    );
  }

  async function keepConnected(create: () => EndingClient, signal: AbortSignal): Promise<void> {
    let waitMs: number = watching.reconnectFirstMs;
    let lostAt: number | undefined;
    let isAgain = false;
    while (await breaker.admit(signal)) {
      const fresh = create();
      current = fresh;
      if (isAgain) attempt = createOutcome();
      isAgain = true;
      const lost = new AbortController();
      let error: unknown = new Error("the listening connection was lost");
      fresh.on("error", (reason) => {
        error = reason;
        lost.abort();
      });
      fresh.on("end", () => lost.abort());
      const isFlood = createFloodGauge(watching.floodPerSecond);
      fresh.on("notification", ({ payload }) => {
        if (lost.signal.aborted) return;
        if (!isFlood()) return use.onNotification(payload);
        error = new NotificationFloodError();
        fresh.cut();
        lost.abort();
      });
      let wasListening = false;
      const connectedAt = performance.now();
      try {
        await fresh.connect();
        await fresh.query(bounded(`listen ${use.channel}`));
        client = fresh;
        attempt.resolve();
        wasListening = true;
        if (lostAt !== undefined) {
          const downMs = performance.now() - lostAt;
          observe({ event: "listener-restored", ...identity(), downMs });
        }
        lostAt = undefined;
        use.onChange();
        await untilAborted(AbortSignal.any([lost.signal, signal]));
      } catch (failure) {
        error = failure;
      }
      client = undefined;
      attempt.resolve();
      const farewell = use.endSession();
      await sayGoodbye(fresh, lost.signal.aborted ? undefined : farewell);
      if (signal.aborted) return;
      const { scope, message } = classifyFault(error);
      if (!wasListening && scope === "database") breaker.failed(error);
      // Where the database is away, its breaker tells that.
      if (lostAt === undefined && (wasListening || scope !== "database")) {
        observe({ event: "listener-lost", ...identity(), error: message });
        lostAt = performance.now();
      }
      use.onChange();
      if (performance.now() - connectedAt > watching.steadyMs) waitMs = watching.reconnectFirstMs;
      // Another attempt would meet the same pooler: the pool is asked from now on.
      if (error instanceof SharedSessionError) return;
      const isFlooded = error instanceof NotificationFloodError;
      await pause(isFlooded ? watching.floodPauseMs : waitMs * (0.5 + Math.random() / 2), signal);
      waitMs = Math.min(watching.reconnectLastMs, waitMs * 2);
    }
  }

  async function sayGoodbye(fresh: EndingClient, farewell: Farewell | undefined): Promise<void> {
    if (farewell !== undefined) {
      const query = { ...bounded(farewell.text, watching.goodbyeMs), values: [...farewell.values] };
      await statements.add(() => fresh.query(query)).catch(() => {});
    }
    await fresh.end().catch(() => {});
  }

  return {
    get session() {
      return client;
    },
    get fault() {
      return breaker.fault;
    },
    query: ((text: string, values?: readonly unknown[]) => ask(text, values)) as Queryable["query"],
    alone(work, ms) {
      const asked = client;
      if (asked === undefined) return undefined;
      return statements.add(async () => {
        const cut = setTimeout(() => asked.cut(), ms);
        return await work(asked).finally(() => clearTimeout(cut));
      });
    },
    async keep(signal) {
      if (createClient === undefined) return attempt.resolve();
      let cut: NodeJS.Timeout | undefined;
      const stop = () => {
        attempt.resolve();
        // A source that does not answer must not hold up the end.
        cut = setTimeout(() => current?.cut(), watching.goodbyeMs);
      };
      if (signal.aborted) return attempt.resolve();
      signal.addEventListener("abort", stop, { once: true });
      await keepConnected(createClient, signal);
      signal.removeEventListener("abort", stop);
      clearTimeout(cut);
    },
  };
}

/** So many notifications come from no sender of CentralCloud. */
class NotificationFloodError extends Error {
  constructor() {
    super(
      `more than ${watching.floodPerSecond} notifications came within a second, so none are heard for ${watching.floodPauseMs / 1_000} seconds`,
    );
    this.name = "NotificationFloodError";
  }
}

/** Returns a function that says of each call whether there were more than `most` calls within one second. */
function createFloodGauge(most: number): () => boolean {
  let count = 0;
  let beganAt = performance.now();
  return () => {
    const now = performance.now();
    if (now - beganAt > 1_000) {
      beganAt = now;
      count = 0;
    }
    count += 1;
    return count > most;
  };
}

/** A query with a timeout in milliseconds; pg's types know that option of clients only. */
function bounded(text: string, query_timeout: number = watching.answerMs) {
  return { text, query_timeout };
}

function createOutcome() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
