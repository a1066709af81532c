import type { Socket } from "node:net";
import pg from "pg";
import { connectionTo } from "./client.ts";
import { EndingClient, type EndingClientConfig } from "./ending-client.ts";

export interface PoolOptions {
  /** Shown in pg_stat_activity, so that an operator sees whose connection it is. */
  readonly applicationName: string;
  /** Connections at most; from 1. */
  readonly max: number;
  /**
   * How long a query may take before it is given up, in milliseconds; the server gives it up a little sooner, unless a
   * pooler is in between. Default: an hour.
   */
  readonly queryTimeoutMs?: number;
  /** Settings of each session, beside those that all have (session.ts); only where no pooler is in between. */
  readonly sessionSettings?: Readonly<Record<string, string>>;
  /** What needs sessions of its own, in words: behind a pooler, connecting fails with them. */
  readonly sessionFor?: string;
  /** Bytes of one answer at most; one that is larger ends its connection. Default: 16 MiB. */
  readonly answerBytes?: number;
  /** How values are read; default: as `pg` does. */
  readonly types?: pg.CustomTypesConfig;
  /** Looks at each new connection before anybody has it; where it rejects, connecting fails. */
  readonly accept?: (client: pg.ClientBase) => Promise<void>;
}

/** How long a new connection is tried for. */
const connectMs = 5_000;

/** pg's words for a connection that could not be made within {@link connectMs}. */
const connectTimedOut = /timeout expired/i;

/**
 * A pool that survives restarts of its database: connections that break while idle are dropped and
 * replaced by the next query. A connection is given up after five seconds of trying.
 */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const { sessionSettings, sessionFor, accept, answerBytes, types } = options;
  const pool = new ExplainingPool({
    ...connectionTo(url),
    application_name: options.applicationName,
    max: options.max,
    // A new connection costs the server some ten milliseconds: its process, its caches, its plans.
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // For a server that no longer answers without closing the connection.
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
    ...(sessionSettings === undefined ? {} : { sessionSettings }),
    ...(sessionFor === undefined ? {} : { sessionFor }),
    ...(answerBytes === undefined ? {} : { answerBytes }),
    ...(types === undefined ? {} : { types }),
    ...(accept === undefined ? {} : { accept }),
  });
  // The pool has already removed the client; whoever queries next sees the error that matters.
  pool.on("error", () => {});
  return pool;
}

/**
 * Knows its clients, so that those can be cut that wait for a server which says nothing, and tells a server that
 * is slow to take a connection, since all its processors are busy, from one that says nothing.
 */
class ExplainingPool extends pg.Pool {
  /** All that are open or being opened, each with when it was connected by the monotonic clock. */
  readonly connectedAt = new Map<EndingClient, number>();
  readonly idle = new Set<EndingClient>();
  /** When the server last finished an answer to any of them. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Who may have a client, and who waits in line for one. */
  #served = 0;
  readonly #line: (() => void)[] = [];

  constructor(config: pg.PoolConfig & EndingClientConfig) {
    const clients = new Set<EndingClient>();
    super({ ...config, Client: pooledClient(clients) } as pg.PoolConfig);
    this.#clients = clients;
    // The pool makes clients of this class, whatever its types say.
    this.on("connect", (connected) => {
      const client = connected as unknown as EndingClient;
      this.connectedAt.set(client, this.#heard());
      client.connection.on("readyForQuery", () => this.#heard());
    });
    this.on("acquire", (client) => this.idle.delete(client as unknown as EndingClient));
    this.on("release", (_, client) => this.idle.add(client as unknown as EndingClient));
    this.on("remove", (client) => {
      this.connectedAt.delete(client as unknown as EndingClient);
      this.idle.delete(client as unknown as EndingClient);
    });
  }

  readonly #clients: ReadonlySet<EndingClient>;

  /** Closes all connections at once, those that are only being made included. */
  cut(): void {
    for (const client of this.#clients) client.cut();
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(done: Parameters<pg.Pool["connect"]>[0]): void;
  override connect(done?: Parameters<pg.Pool["connect"]>[0]): Promise<pg.PoolClient> | undefined {
    const connected = this.#connectInLine();
    if (done === undefined) return connected;
    connected.then(
      (client) => done(undefined, client, (error) => client.release(error)),
      (error: Error) => done(error, undefined, () => {}),
    );
    return undefined;
  }

  /**
   * To wait in line for a connection that another user of the pool has is no fault of the database, so that wait has
   * no limit of its own: it ends when those before are served, or have given up, or when the pool is closed.
   */
  async #connectInLine(): Promise<pg.PoolClient> {
    if (this.#served < this.options.max) this.#served += 1;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      const client = await super.connect();
      const release = client.release.bind(client);
      client.release = (error) => {
        release(error);
        this.#serveNext();
      };
      return client;
    } catch (error) {
      this.#serveNext();
      throw error instanceof Error ? this.#explain(error) : error;
    }
  }

  #serveNext(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#served -= 1;
    else next();
  }

  /** Words that mean a server that is too busy, not one that is gone: those who are served may continue. */
  #explain(error: Error): Error {
    if (!connectTimedOut.test(error.message)) return error;
    const answers = performance.now() - this.#heardAt < connectMs;
    const words = answers
      ? "timeout exceeded when trying to connect, while the database answers on other connections"
      : `no connection within ${connectMs / 1000} seconds: connection timeout`;
    return new Error(words, { cause: error });
  }

  #heard(): number {
    this.#heardAt = performance.now();
    return this.#heardAt;
  }
}

/** A class of clients that are in the set from their making until they have ended. */
function pooledClient(clients: Set<EndingClient>) {
  return class extends EndingClient {
    constructor(config?: EndingClientConfig) {
      // The pool's own limit would count the wait for a turn, too. A pool hides its password from a spread.
      super({ ...config, password: config?.password, connectionTimeoutMillis: connectMs });
      clients.add(this);
      this.connection.once("end", () => clients.delete(this));
    }
  };
}

/**
 * Cuts the connections of a pool of {@link createPool} that nobody uses. After an outage they may lead
 * nowhere without a sign of it, and each would cost its next user a timeout.
 */
export function cutIdleConnections(pool: pg.Pool): void {
  if (!(pool instanceof ExplainingPool)) return;
  for (const client of pool.idle) client.connection.stream.destroy();
}

/** With or without TLS, it counts what it receives. */
function streamOf(client: EndingClient): Socket {
  return client.connection.stream as Socket;
}

/** How long a connection that was in use during a fault may still be silent. */
const silenceMs = 3_000;

/**
 * Cuts the connections of a pool of {@link createPool} that are older than a moment of the monotonic clock:
 * those that nobody uses at once, and those in use when they have said nothing for three seconds more. Their
 * queries reject. What was asked on those that work has its answer.
 */
export function cutConnections(pool: pg.Pool, connectedBefore: number): void {
  if (!(pool instanceof ExplainingPool)) return;
  const doubtful = new Map<Socket, number>();
  for (const [client, connectedAt] of pool.connectedAt) {
    if (connectedAt >= connectedBefore) continue;
    const stream = streamOf(client);
    if (pool.idle.has(client)) stream.destroy();
    else doubtful.set(stream, stream.bytesRead);
  }
  if (doubtful.size === 0) return;
  const timer = setTimeout(() => {
    for (const [stream, bytesRead] of doubtful) {
      if (stream.bytesRead === bytesRead) stream.destroy();
    }
  }, silenceMs);
  timer.unref();
}

/** How long those who have a connection may take to notice that it was cut, in milliseconds. */
const noticeMs = 250;

/**
 * Closes a pool of {@link createPool}. Queries under way may finish for `graceMs`; then they are cut, and reject, and
 * so do attempts to connect. Resolves soon after that, whatever those who have a connection do with it.
 */
export async function endPool(pool: pg.Pool, graceMs: number): Promise<void> {
  const ended = pool.end();
  if (await isSettled(ended, graceMs)) return await ended;
  if (pool instanceof ExplainingPool) pool.cut();
  await isSettled(ended, noticeMs);
}

/** Whether a promise is settled within so many milliseconds. */
async function isSettled(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  return await Promise.race([settled, timeUp]).finally(() => clearTimeout(timer));
}
