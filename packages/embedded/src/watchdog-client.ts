import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { claimDirectory } from "./claim.ts";
import { DataDirectoryInUseError, deserializeError, EmbeddedPostgresError } from "./errors.ts";
import { deleteDataDirectory, layoutOf } from "./layout.ts";
import type { FromWatchdog, ServerAddress, ToWatchdog, WatchdogRequest } from "./protocol.ts";
import { stopStaleServer } from "./stale-server.ts";

export interface Watchdog {
  readonly pid: number;
  /** Rejects when the server could not be started; by then everything is cleaned up. */
  readonly ready: Promise<ServerAddress>;
  /** Resolves when the server and the watchdog are gone, whoever ended them; never rejects. */
  readonly gone: Promise<void>;
  /** Idempotent. Resolves when the server and the watchdog are gone; rejects when that failed. */
  stop(): Promise<void>;
}

/** Longer than all that the watchdog itself waits for, see terminate-server.ts. */
const stopTimeoutMs = 30_000;

export function launchWatchdog(
  request: WatchdogRequest,
  onLog: ((line: string) => void) | undefined,
): Watchdog {
  const { NODE_OPTIONS, ...env } = process.env;
  const program = fileURLToPath(new URL("./watchdog.js", import.meta.url));
  const label = request.dataDirectory ?? "(temporary)";
  const child = spawn(process.execPath, [program, label], {
    // A session of its own: the terminal's Ctrl-C is for us, and the server outlives our draining.
    detached: true,
    cwd: "/",
    env,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    windowsHide: true,
  });
  let claimed: Extract<FromWatchdog, { type: "claimed" }> | undefined;
  let failure: EmbeddedPostgresError | undefined;
  let lastWords = "";

  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(-2000);
  });
  const ended = endOf(child).then(async (isOrderly) => {
    if (isOrderly) return;
    onLog?.("The watchdog of PostgreSQL has died; the server is stopped because nothing guards it");
    if (claimed) await stopUnguarded(claimed);
  });
  const ready = new Promise<ServerAddress>((resolve, reject) => {
    child.on("message", (message: FromWatchdog) => {
      if (message.type === "ready") resolve(message.server);
      else if (message.type === "failed") failure = deserializeError(message.error);
      else if (message.type === "claimed") claimed = message;
      else onLog?.(message.line);
    });
    // To no effect when it was ready before.
    ended.then(() => reject(failure ?? diedEarly(lastWords)), reject);
  });
  // Both are awaited by whoever uses them; until then a rejection is no reason to end the process.
  ready.catch(() => {});
  ended.catch(() => {});
  tell(child, { type: "start", request });

  async function stop(): Promise<void> {
    tell(child, { type: "stop" });
    const timeout = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await ended.finally(() => clearTimeout(timeout));
    if (failure) throw failure;
  }
  let stopping: Promise<void> | undefined;
  return {
    pid: child.pid ?? 0,
    ready,
    gone: ended.catch(() => {}),
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

function diedEarly(lastWords: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "watchdog_died",
    `The process that keeps PostgreSQL has ended before the server was ready.${lastWords ? `\n${lastWords}` : ""}`,
  );
}

function tell(child: ChildProcess, message: ToWatchdog): void {
  // With a callback, a channel that has just closed is no exception: the end comes by "exit".
  if (child.connected) child.send(message, () => {});
}

/** @returns whether it has cleaned up itself */
function endOf(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    // "close" and not "exit": messages it has sent before are delivered first.
    child.once("close", (code) => resolve(code === 0));
    child.once("error", () => {
      if (child.pid === undefined) resolve(false);
    });
  });
}

/** A server that nothing would stop after our own crash must not continue. */
async function stopUnguarded(claimed: { directory: string; isTemporary: boolean }): Promise<void> {
  const { directory, isTemporary } = claimed;
  try {
    const claim = await claimDirectory(directory, `a clean-up by process ${process.pid}`);
    await stopStaleServer(layoutOf(directory).cluster);
    if (isTemporary) await deleteDataDirectory(directory);
    await claim.release();
  } catch (error) {
    // Another start was faster and has done the same.
    if (!(error instanceof DataDirectoryInUseError)) throw error;
  }
}
