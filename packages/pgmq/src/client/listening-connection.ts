import {
  classifyFault,
  type EndingClient,
  type Fault,
  SharedSessionError,
} from "@centralcloud/postgres";
import { type Observe, pause, untilAborted } from "@centralcloud/service";
import PQueue from "p-queue";
import type pg from "pg";
import type { Breaker } from "../lane/breaker.ts";
import type { Queryable } from "./queryable.ts";

/** A connection that lasted so long was a good one; the next is made soon. All in milliseconds. */
const reconnect = { firstMs: 100, lastMs: 5_000, steadyMs: 10_000 };

/**
 * Any login of the source may notify. A session that hears more than this in a second is closed, and there is no other
 * one for a while: the pool is asked meanwhile, now and then.
 */
const flood = { mostInSecond: 1_000, pauseMs: 60_000 };

/** How long a statement may take, in milliseconds. One that says good-bye has less. */
const answerMs = 5_000;
const goodbyeMs = 500;

export interface ListeningConnectionOptions {
  /** The source as observations call it. */
  readonly identity: () => { readonly source: string; readonly sourceId?: string };
  /**
   * A new connection that is not connected yet: its session must be ours alone, not a pooler's. Undefined where there
   * is none; nothing is notified then.
   */
  readonly createClient: (() => EndingClient) | undefined;
  /** Used where there is no connection of its own, or it is lost. */
  readonly pool: Queryable;
  /** Of the source's database. */
  readonly breaker: Breaker;
  readonly observe: Observe;
}

interface Farewell {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What its user does with a connection that comes and goes. */
export interface ListeningConnectionUse {
  readonly channel: string;
  onNotification(payload: string | undefined): void;
  /** Another session listens, or none any more. */
  onChange(): void;
  /** Forgets what the session had; returns its last statement, should it still answer. */
  endSession(): Farewell | undefined;
}

/**
 * A connection to a source that listens to one channel and is restored whenever it is lost. Its users share it, one
 * statement at a time; the pool is asked while there is none.
 */
export interface ListeningConnection extends Queryable {
  /** The session that listens; undefined where none does. */
  readonly session: object | undefined;
  /** What keeps the source's database from working, if anything does. */
  readonly fault: Fault | undefined;
  /**
   * Has the connection for itself, for statements that belong together; undefined where there is none.
   *
   * @param ms after so many milliseconds the connection is cut, and the work fails.
   */
  alone<Result>(
    work: (client: pg.ClientBase) => Promise<Result>,
    ms: number,
  ): Promise<Result> | undefined;
  /** Keeps the connection until the signal is aborted; then says good-bye, to a source that hears it. */
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
  /** Settled when the latest attempt to connect has an outcome; the first one is about to be made. */
  let attempt = createOutcome();
  /** Users share the connection, and the driver wants one query at a time. */
  const turns = new PQueue({ concurrency: 1 });

  async function ask<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<pg.QueryResult<Row>> {
    if (client === undefined) await attempt.promise;
    const asked = client;
    const query = { ...bounded(text), values: [...values] };
    if (asked === undefined) return await pool.query<Row>(query);
    return await turns.add(() =>
      asked.query<Row>(query).catch((error: unknown) => {
        // What does not answer is not asked again: another connection is made.
        if (classifyFault(error).scope === "database") asked.cut();
        throw error;
      }),
    );
  }

  async function keepConnected(create: () => EndingClient, signal: AbortSignal): Promise<void> {
    let waitMs = reconnect.firstMs;
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
      const isFlood = createFloodGauge(flood.mostInSecond);
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
      // What never listened because its database is away is told by that.
      if (lostAt === undefined && (wasListening || scope !== "database")) {
        observe({ event: "listener-lost", ...identity(), error: message });
        lostAt = performance.now();
      }
      use.onChange();
      if (performance.now() - connectedAt > reconnect.steadyMs) waitMs = reconnect.firstMs;
      // Another attempt would meet the same pooler: the pool is asked from now on.
      if (error instanceof SharedSessionError) return;
      const isFlooded = error instanceof NotificationFloodError;
      await pause(isFlooded ? flood.pauseMs : waitMs * (0.5 + Math.random() / 2), signal);
      waitMs = Math.min(reconnect.lastMs, waitMs * 2);
    }
  }

  async function sayGoodbye(fresh: EndingClient, farewell: Farewell | undefined): Promise<void> {
    if (farewell !== undefined) {
      const query = { ...bounded(farewell.text, goodbyeMs), values: [...farewell.values] };
      await turns.add(() => fresh.query(query)).catch(() => {});
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
      return turns.add(async () => {
        const cut = setTimeout(() => asked.cut(), ms);
        return await work(asked).finally(() => clearTimeout(cut));
      });
    },
    async keep(signal) {
      if (createClient === undefined) return attempt.resolve();
      let cut: NodeJS.Timeout | undefined;
      const stop = () => {
        attempt.resolve();
        // A source that says nothing must not hold up the end.
        cut = setTimeout(() => current?.cut(), goodbyeMs);
      };
      if (signal.aborted) return attempt.resolve();
      signal.addEventListener("abort", stop, { once: true });
      await keepConnected(createClient, signal);
      signal.removeEventListener("abort", stop);
      clearTimeout(cut);
    },
  };
}

/** Somebody notifies as no sender of ours does. */
class NotificationFloodError extends Error {
  constructor() {
    super(
      `more than ${flood.mostInSecond} notifications came within a second, so none are heard for ${flood.pauseMs / 1_000} seconds`,
    );
    this.name = "NotificationFloodError";
  }
}

/** Says of each call whether there were more than so many within one second. */
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

/** A query that is given up when it is not answered in time; pg's types know this of clients only. */
function bounded(text: string, query_timeout = answerMs) {
  return { text, query_timeout };
}

function createOutcome() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
