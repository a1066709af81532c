import type { Socket } from "node:net";
import pg from "pg";
import { connectionTo } from "./connect.ts";

export interface PoolOptions {
  /** Shown in pg_stat_activity, so that an operator sees whose connection it is. */
  readonly applicationName: string;
  /** Connections at most; from 1. */
  readonly max: number;
  /** How long a query may take before it is given up, in milliseconds; default: for ever. */
  readonly queryTimeoutMs?: number;
  /** The server's settings for each session; not for a pooler that shares sessions out by the transaction. */
  readonly sessionSettings?: Readonly<Record<string, string>>;
}

/** How long a new connection is tried for. */
const connectMs = 5_000;

/** pg-pool's words for a connection that could not be made within {@link connectMs}. */
const connectTimedOut = /terminated due to connection timeout/i;

/**
 * A pool that survives restarts of its database: connections that break while idle are dropped and
 * replaced by the next query. A connection is given up after five seconds of trying.
 */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const { sessionSettings } = options;
  const pool = new ExplainingPool({
    ...connectionTo(url),
    application_name: options.applicationName,
    max: options.max,
    connectionTimeoutMillis: connectMs,
    // A new connection costs the server some ten milliseconds: its process, its caches, its plans.
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    // For a server that no longer answers without closing the connection.
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
    // Whoever asked for the connection gets it when this has resolved.
    ...(sessionSettings === undefined
      ? {}
      : { onConnect: (client) => applySettings(client, sessionSettings) }),
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
  /** Each with when it was connected, by the monotonic clock. */
  readonly connectedAt = new Map<pg.Client, number>();
  readonly idle = new Set<pg.Client>();
  /** When the server last finished an answer to any of them. */
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(config: pg.PoolConfig) {
    super(config);
    // The pool makes clients of this class, whatever its types say.
    this.on("connect", (connected) => {
      const client = connected as unknown as pg.Client;
      // A connection that breaks while somebody has it: its query rejects, which is all they need to know.
      client.on("error", () => {});
      this.connectedAt.set(client, this.#heard());
      client.connection.on("readyForQuery", () => this.#heard());
    });
    this.on("acquire", (client) => this.idle.delete(client as unknown as pg.Client));
    this.on("release", (_, client) => this.idle.add(client as unknown as pg.Client));
    this.on("remove", (client) => {
      this.connectedAt.delete(client as unknown as pg.Client);
      this.idle.delete(client as unknown as pg.Client);
    });
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(done: Parameters<pg.Pool["connect"]>[0]): void;
  override connect(done?: Parameters<pg.Pool["connect"]>[0]): Promise<pg.PoolClient> | undefined {
    if (done !== undefined) {
      super.connect((error, client, release) =>
        done(error && this.#explain(error), client, release),
      );
      return undefined;
    }
    return super.connect().catch((error: unknown) => {
      throw error instanceof Error ? this.#explain(error) : error;
    });
  }

  /** Words that mean a wait in line, not a database that is gone: those who are served may go on. */
  #explain(error: Error): Error {
    if (!connectTimedOut.test(error.message) || performance.now() - this.#heardAt >= connectMs)
      return error;
    const words =
      "timeout exceeded when trying to connect, while the database answers on other connections";
    return new Error(words, { cause: error });
  }

  #heard(): number {
    this.#heardAt = performance.now();
    return this.#heardAt;
  }
}

async function applySettings(
  client: Pick<pg.ClientBase, "query">,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await client.query("select set_config(s.key, s.value, false) from jsonb_each_text($1) s", [
    JSON.stringify(settings),
  ]);
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
function streamOf(client: pg.Client): Socket {
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

/**
 * Closes a pool of {@link createPool}. Queries under way may finish for `graceMs`; then they are cut,
 * and reject.
 */
export async function endPool(pool: pg.Pool, graceMs: number): Promise<void> {
  const timer = setTimeout(() => {
    // A client that has a query under way is ended by destroying its socket.
    if (!(pool instanceof ExplainingPool)) return;
    for (const client of pool.connectedAt.keys()) void client.end().catch(() => {});
  }, graceMs);
  try {
    await pool.end();
  } finally {
    clearTimeout(timer);
  }
}
