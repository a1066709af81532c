import { createClient } from "@centralcloud/postgres";
import type pg from "pg";

export interface ConnectionOptions {
  /** Ends an attempt to connect. */
  readonly signal?: AbortSignal;
  /** After so many milliseconds without an answer a query fails, and the connection with it. */
  readonly queryTimeoutMs?: number;
  /** What needs a session of its own, in words; default: nothing. */
  readonly sessionFor?: string;
  /** After so many milliseconds without a message of ours the database drops it; default: never. */
  readonly silenceMs?: number;
}

/** One connection of its own, which can be closed whatever state it or the network is in. */
export interface Connection {
  readonly client: pg.Client;
  close(): Promise<void>;
  /** At once, without telling the server. */
  cut(): void;
}

/** Of what a source is asked: which jobs it has, how they fared. */
const answerBytes = 1024 * 1024;

export async function openConnection(
  url: string,
  { signal, queryTimeoutMs, sessionFor, silenceMs }: ConnectionOptions = {},
): Promise<Connection> {
  const client = createClient(url, {
    applicationName: "centralcloud-scheduler",
    answerBytes,
    ...(queryTimeoutMs === undefined ? {} : { queryTimeoutMs }),
    ...(sessionFor === undefined ? {} : { sessionFor }),
    ...(silenceMs === undefined
      ? {}
      : { sessionSettings: { idle_session_timeout: `${silenceMs}ms` } }),
  });
  const cut = () => client.cut();
  const close = () => client.end().catch(() => {});
  signal?.addEventListener("abort", cut, { once: true });
  try {
    signal?.throwIfAborted();
    await client.connect();
    return { client, close, cut };
  } catch (error) {
    await close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", cut);
  }
}
