import { explainTlsError, readTlsSettings } from "@centralcloud/service";
import pg from "pg";

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

type Connection = Pick<pg.ClientConfig, "connectionString" | "ssl">;

/** By URL; a process has few of them. */
const connections = new Map<string, Connection>();

/**
 * How to reach the database of a URL: for every connection of ours, so that `sslmode` means the same
 * everywhere. Files that the URL names are read once in a process, so that connections made later do not
 * trust somebody else than those made before, nor fail because a file is just being replaced.
 *
 * @throws {TlsSettingsError} where a file that the URL names can't be read.
 */
export function connectionTo(url: string): Connection {
  const known = connections.get(url);
  if (known !== undefined) return known;
  const { url: connectionString, tls } = readTlsSettings(url);
  const connection = { connectionString, ssl: tls as pg.ClientConfig["ssl"] & (object | false) };
  connections.set(url, connection);
  return connection;
}

/**
 * A pool that survives restarts of its database: connections that break while idle are dropped and
 * replaced by the next query. A connection is given up after five seconds of trying.
 */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const { sessionSettings } = options;
  const pool = new pg.Pool({
    ...connectionTo(url),
    application_name: options.applicationName,
    max: options.max,
    connectionTimeoutMillis: 5_000,
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
  const clients = new Map<pg.Client, number>();
  const idle = new Set<pg.Client>();
  // The pool makes clients of this class, whatever its types say.
  pool.on("connect", (client) => {
    // A connection that breaks while somebody has it: its query rejects, which is all they need to know.
    client.on("error", () => {});
    clients.set(client as unknown as pg.Client, performance.now());
  });
  pool.on("acquire", (client) => idle.delete(client as unknown as pg.Client));
  pool.on("release", (_, client) => idle.add(client as unknown as pg.Client));
  pool.on("remove", (client) => {
    clients.delete(client as unknown as pg.Client);
    idle.delete(client as unknown as pg.Client);
  });
  clientsOf.set(pool, { clients, idle });
  return pool;
}

async function applySettings(
  client: Pick<pg.ClientBase, "query">,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await client.query("select set_config(s.key, s.value, false) from jsonb_each_text($1) s", [
    JSON.stringify(settings),
  ]);
}

interface PoolClients {
  /** Each with when it was connected, by the monotonic clock. */
  readonly clients: ReadonlyMap<pg.Client, number>;
  readonly idle: ReadonlySet<pg.Client>;
}

/** Clients of each pool, so that those can be ended that wait for a server which says nothing. */
const clientsOf = new WeakMap<pg.Pool, PoolClients>();

/**
 * Cuts the connections of a pool of {@link createPool} that nobody uses. After an outage they may lead
 * nowhere without a sign of it, and each would cost its next user a timeout.
 */
export function cutIdleConnections(pool: pg.Pool): void {
  for (const client of clientsOf.get(pool)?.idle ?? []) client.connection.stream.destroy();
}

/**
 * Cuts all connections of a pool of {@link createPool} that are older than a moment of the monotonic
 * clock, those in use as well: their queries reject.
 */
export function cutConnections(pool: pg.Pool, connectedBefore: number): void {
  for (const [client, connectedAt] of clientsOf.get(pool)?.clients ?? []) {
    if (connectedAt < connectedBefore) client.connection.stream.destroy();
  }
}

/** A connection by itself, not connected yet. */
export function createClient(url: string, applicationName: string, connectMs = 5_000): pg.Client {
  return new pg.Client({
    ...connectionTo(url),
    application_name: applicationName,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
  });
}

/**
 * Closes a pool of {@link createPool}. Queries under way may finish for `graceMs`; then they are cut,
 * and reject.
 */
export async function endPool(pool: pg.Pool, graceMs: number): Promise<void> {
  const timer = setTimeout(() => {
    // A client that has a query under way is ended by destroying its socket.
    for (const client of clientsOf.get(pool)?.clients.keys() ?? [])
      void client.end().catch(() => {});
  }, graceMs);
  try {
    await pool.end();
  } finally {
    clearTimeout(timer);
  }
}

/** A database did not answer, or refused the connection. */
export class DatabaseUnreachableError extends Error {
  readonly code = "database_unreachable";
  constructor(url: string, cause: unknown) {
    super(`${withoutSecrets(url)} can't be reached: ${messageOf(cause)}`, { cause });
    this.name = "DatabaseUnreachableError";
  }
}

/** Fails with a sentence about which database, and why, unless each can be reached and queried. */
export async function assertReachable(urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    const client = new pg.Client({ ...connectionTo(url), connectionTimeoutMillis: 5_000 });
    client.on("error", () => {});
    try {
      await client.connect();
    } catch (error) {
      throw new DatabaseUnreachableError(url, error);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** Host, port and database of a URL; never its user or password, nor its parameters. */
export function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return "the database";
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

/** What went wrong, in words: the message of an error, or of the first one behind it. */
export function messageOf(error: unknown): string {
  // Node tries each address of a name, and reports all failures together without a message.
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const advice = explainTlsError(error);
  return advice === undefined ? error.message : `${error.message} (${advice})`;
}
