import { resolve } from "node:path";
import { checkSettings, type Settings } from "./configuration.ts";
import { createMissingDatabases } from "./databases.ts";
import { launchWatchdog, type Watchdog } from "./watchdog-client.ts";

export interface EmbeddedPostgresOptions {
  /**
   * Where the data are kept. Default: a temporary directory, deleted at the end. One directory
   * serves one server at a time.
   */
  readonly dataDirectory?: string;
  /** Made when missing. Default: `singularity` and `centralcloud`. */
  readonly databases?: readonly string[];
  /** Lines of postgresql.conf, over our own. Address, port and socket directory are fixed. */
  readonly settings?: Settings;
  /**
   * Whether the data survive a crash of the machine (`fsync`). Default: true with a
   * `dataDirectory`, false without one. Committed data survive a crash of the server in any case.
   */
  readonly durable?: boolean;
  /** Gets every line of the server's log. Default: they only go to `server.log` beside the data. */
  readonly onLog?: (line: string) => void;
  /** Aborts the start; no effect afterwards. */
  readonly signal?: AbortSignal;
}

/** A running server. It keeps the process alive until it is stopped, like a listening socket. */
export interface EmbeddedPostgres {
  readonly port: number;
  /** Of the postmaster, and of the process that stops it should we crash. */
  readonly processIds: { readonly server: number; readonly watchdog: number };
  /**
   * Resolves when the server has gone, also where it was killed or crashed: then the same data directory can be
   * started anew. Never rejects.
   */
  readonly gone: Promise<void>;
  /** With the superuser's name and password: not for a log. */
  urlOf(database: string): string;
  /**
   * Disconnects everyone, stops the server, and deletes temporary data. Idempotent; resolves when
   * the server has gone, which takes well below a second, and 20 seconds at worst.
   */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL 17 that listens on 127.0.0.1 alone, on a port of its own.
 *
 * The server is not tied to our terminal: Ctrl-C does not stop it, only `stop()` does, or the end
 * of this process, however that comes (the watchdog sees to it).
 *
 * @throws EmbeddedPostgresError with a stable `code`, after cleaning up;
 *   {@link DataDirectoryInUseError} when another live process has the data directory
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const { databases = ["singularity", "centralcloud"], onLog, signal } = options;
  signal?.throwIfAborted();
  checkSettings(options.settings);
  const dataDirectory =
    options.dataDirectory === undefined ? undefined : resolve(options.dataDirectory);
  const watchdog = launchWatchdog(
    {
      ...(dataDirectory === undefined ? {} : { dataDirectory }),
      durable: options.durable ?? dataDirectory !== undefined,
      settings: options.settings ?? {},
      wantsLog: onLog !== undefined,
      holder: `process ${process.pid} (${process.argv[1] ?? process.title})`,
    },
    onLog,
  );
  const abort = () => void watchdog.stop().catch(() => {});
  signal?.addEventListener("abort", abort);
  try {
    return await open(watchdog, databases, signal);
  } catch (error) {
    await watchdog.stop().catch(() => {});
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

async function open(
  watchdog: Watchdog,
  databases: readonly string[],
  signal: AbortSignal | undefined,
): Promise<EmbeddedPostgres> {
  const { pid, port, password } = await watchdog.ready;
  const urlOf = (database: string) =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  await createMissingDatabases(urlOf("postgres"), databases);
  signal?.throwIfAborted();
  return {
    port,
    processIds: { server: pid, watchdog: watchdog.pid },
    gone: watchdog.gone,
    urlOf,
    stop: () => watchdog.stop(),
  };
}
