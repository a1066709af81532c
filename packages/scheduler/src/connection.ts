import { Socket } from "node:net";
import { connectionTo } from "@centralcloud/db";
import { pause } from "@centralcloud/service";
import pg from "pg";

export interface ConnectionOptions {
  /** Ends an attempt to connect. */
  readonly signal?: AbortSignal;
  /** After so many milliseconds without an answer a query fails, and the connection with it. */
  readonly queryTimeoutMs?: number;
}

/** One connection of its own, which can be closed whatever state it or the network is in. */
export interface Connection {
  readonly client: pg.Client;
  close(): Promise<void>;
}

const farewellMs = 1_000;

export async function openConnection(
  url: string,
  { signal, queryTimeoutMs }: ConnectionOptions = {},
): Promise<Connection> {
  const socket = new Socket();
  const client = new pg.Client({
    ...connectionTo(url),
    application_name: "centralcloud-scheduler",
    connectionTimeoutMillis: 5_000,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
    stream: () => socket,
  });
  // The query that is under way, or the next one, rejects.
  client.on("error", () => {});
  const abort = () => socket.destroy();
  signal?.addEventListener("abort", abort, { once: true });

  async function close(): Promise<void> {
    const farewell = new AbortController();
    const ended = client.end().catch(() => {});
    await Promise.race([ended, pause(farewellMs, farewell.signal)]);
    farewell.abort();
    socket.destroy();
  }

  try {
    signal?.throwIfAborted();
    await client.connect();
    return { client, close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
