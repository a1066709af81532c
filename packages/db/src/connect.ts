import pg from "pg";

export interface PoolOptions {
  /** Shown in pg_stat_activity, so that an operator sees whose connection it is. */
  readonly applicationName: string;
  /** Connections at most; from 1. */
  readonly max: number;
  /** How long a query may take before it is given up, in milliseconds; default: for ever. */
  readonly queryTimeoutMs?: number;
}

/**
 * A pool that survives restarts of its database: connections that break while idle are dropped and
 * replaced by the next query. A connection is given up after five seconds of trying.
 */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: options.applicationName,
    max: options.max,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    // For a server that no longer answers without closing the connection.
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
  });
  // The pool has already removed the client; whoever queries next sees the error that matters.
  pool.on("error", () => {});
  const clients = new Set<pg.ClientBase & Pick<pg.Client, "end">>();
  pool.on("connect", (client) => {
    clients.add(client as unknown as pg.Client);
    // Of a client that is in use and idle, as within a transaction; its next query rejects.
    client.on("error", () => {});
  });
  pool.on("remove", (client) => clients.delete(client as unknown as pg.Client));
  clientsOf.set(pool, clients);
  return pool;
}

/** Clients of each pool, so that those can be ended that wait for a server which says nothing. */
const clientsOf = new WeakMap<pg.Pool, Set<pg.ClientBase & Pick<pg.Client, "end">>>();

/**
 * Closes a pool of {@link createPool}. Queries under way may finish for `graceMs`; then they are cut,
 * and reject.
 */
export async function endPool(pool: pg.Pool, graceMs: number): Promise<void> {
  const timer = setTimeout(() => {
    // A client that has a query under way is ended by destroying its socket.
    for (const client of clientsOf.get(pool) ?? []) void client.end().catch(() => {});
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
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
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
  return error instanceof Error ? error.message : String(error);
}
