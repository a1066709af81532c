import type { Duplex } from "node:stream";
import type pg from "pg";
import { EndingClient } from "./ending-client.ts";
import { DatabaseUnreachableError } from "./errors.ts";
import { readAddress } from "./url.ts";

/** By URL; a process has few of them. */
const configurations = new Map<string, pg.ClientConfig>();

/**
 * How to reach the database of a URL: for every connection of ours, so that its parameters mean the same
 * everywhere. Files that the URL names are read once in a process, so that connections made later do not
 * trust somebody else than those made before, nor fail because a file is just being replaced.
 *
 * @throws {DatabaseUrlError} and {@link TlsSettingsError}: the configuration has told of them before.
 */
export function connectionTo(url: string): pg.ClientConfig {
  const known = configurations.get(url);
  if (known !== undefined) return known;
  const given = Object.entries(readAddress(url)).filter(([, value]) => value !== undefined);
  const configuration: pg.ClientConfig = Object.fromEntries(given);
  configurations.set(url, configuration);
  return configuration;
}

export interface ClientOptions {
  /** Shown in pg_stat_activity, so that an operator sees whose connection it is. */
  readonly applicationName: string;
  /** How long a connection is tried for, in milliseconds; default: 5,000. */
  readonly connectMs?: number;
  /**
   * After so many milliseconds without an answer a query rejects; the server has given it up a little sooner, unless
   * a pooler is in between. Default: an hour.
   */
  readonly queryTimeoutMs?: number;
  /** The socket, for a caller that must be able to close it in any state. */
  readonly stream?: () => Duplex;
  /** How values are read; default: as `pg` does. */
  readonly types?: pg.CustomTypesConfig;
  /** Settings of the session, beside those that all have (session.ts); only where no pooler is in between. */
  readonly sessionSettings?: Readonly<Record<string, string>>;
  /** What needs a session of its own, in words: behind a pooler, connecting fails with them. */
  readonly sessionFor?: string;
  /** Connects also to a database in which ours could not work: to look at it, or to make others on its server. */
  readonly anyDatabase?: boolean;
  /** Bytes of one answer at most; one that is larger ends the connection. Default: 16 MiB. */
  readonly answerBytes?: number;
  /** A walsender of this database, which speaks the replication protocol. */
  readonly replication?: boolean;
  /** Looks at the new connection before anybody has it; where it rejects, connecting fails. */
  readonly accept?: (client: pg.ClientBase) => Promise<void>;
}

/**
 * A connection by itself, not connected yet. When it breaks, the query under way rejects, or the next one; it
 * never ends the process.
 */
export function createClient(url: string, options: ClientOptions): EndingClient {
  const { applicationName, connectMs = 5_000, queryTimeoutMs, stream, types } = options;
  const { sessionSettings, sessionFor, anyDatabase = false, answerBytes, accept } = options;
  return new EndingClient({
    ...connectionTo(url),
    ...(options.replication === true ? { replication: "database" } : {}),
    application_name: applicationName,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    ...(stream === undefined ? {} : { stream }),
    ...(types === undefined ? {} : { types }),
    ...(sessionSettings === undefined ? {} : { sessionSettings }),
    ...(sessionFor === undefined ? {} : { sessionFor }),
    ...(answerBytes === undefined ? {} : { answerBytes }),
    ...(accept === undefined ? {} : { accept }),
    anyDatabase,
  });
}

/**
 * Connects, gives the connection to `work`, and closes it, whatever becomes of the work.
 *
 * @param options.signal cuts the connection: an attempt to make it fails, or the query under way.
 */
export async function withClient<Result>(
  url: string,
  { signal, ...options }: ClientOptions & { readonly signal?: AbortSignal },
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = createClient(url, options);
  const cut = () => client.cut();
  signal?.addEventListener("abort", cut, { once: true });
  try {
    signal?.throwIfAborted();
    await client.connect();
    return await work(client);
  } finally {
    signal?.removeEventListener("abort", cut);
    await client.end().catch(() => {});
  }
}

/** Fails with a sentence about which database, and why, unless each can be reached. */
export async function assertReachable(urls: readonly string[]): Promise<void> {
  // A server that has many of them is asked about few at a time: see EndingClient.
  const probe = async (url: string) => {
    try {
      const options = { applicationName: "centralcloud-probe", anyDatabase: true };
      await withClient(url, options, async () => {});
    } catch (error) {
      throw new DatabaseUnreachableError(url, error);
    }
  };
  const probes = await Promise.allSettled(urls.map(probe));
  const refused = probes.find(({ status }) => status === "rejected");
  if (refused?.status === "rejected") throw refused.reason;
}
