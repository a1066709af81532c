import { explainTlsError, readTlsSettings } from "@centralcloud/service";
import pg from "pg";

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

/** A connection by itself, not connected yet. */
export function createClient(url: string, applicationName: string, connectMs = 5_000): pg.Client {
  return new pg.Client({
    ...connectionTo(url),
    application_name: applicationName,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
  });
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
