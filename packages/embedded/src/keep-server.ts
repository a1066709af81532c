import { once } from "node:events";
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { findBinaries } from "./binaries.ts";
import { type Claim, claimDirectory } from "./claim.ts";
import { makeTemporaryDirectory, openDataDirectory } from "./data-directory.ts";
import { ensureCluster } from "./initialize-cluster.ts";
import { deleteDataDirectory, layoutOf } from "./layout.ts";
import type { FromWatchdog, WatchdogRequest } from "./protocol.ts";
import { openServerLog } from "./server-log.ts";
import { chooseServerUser, type ServerUser } from "./server-user.ts";
import { stopStaleServer } from "./stale-server.ts";
import { startServer } from "./start-server.ts";
import { terminateServer } from "./terminate-server.ts";

/**
 * Runs a server until `signal` is aborted or it ends by itself, and undoes everything afterwards,
 * also when one of the steps fails. An abort while starting rejects with the signal's reason.
 */
export async function keepServer(
  request: WatchdogRequest,
  send: (message: FromWatchdog) => void,
  signal: AbortSignal,
): Promise<void> {
  const forward = (line: string) => {
    if (request.wantsLog) send({ type: "log", line });
  };
  const { dataDirectory, durable, settings, holder } = request;
  const isTemporary = dataDirectory === undefined;
  const undo: (() => Promise<void>)[] = [];
  try {
    const user = await chooseServerUser(dataDirectory && layoutOf(dataDirectory).cluster);
    const binaries = await findBinaries(user, forward);
    signal.throwIfAborted();

    let directory: string;
    if (isTemporary) {
      directory = await makeTemporaryDirectory(user);
      undo.push(() => deleteDataDirectory(directory));
      undo.push((await claimDirectory(directory, holder)).release);
    } else {
      const claimed = await claimDataDirectory(dataDirectory, user, holder);
      directory = claimed.directory;
      undo.push(claimed.claim.release);
    }
    send({ type: "claimed", directory, isTemporary });
    signal.throwIfAborted();

    const { cluster } = layoutOf(directory);
    const serverLog = await openServerLog(directory);
    undo.push(serverLog.close);
    const log = (line: string) => {
      serverLog.write(line);
      forward(line);
    };
    await stopStaleServer(cluster);
    const password = await ensureCluster({ directory, binaries, user, durable, signal });
    signal.throwIfAborted();
    const { process: server, port } = await startServer(
      { directory, binaries, user, durable, settings, log },
      signal,
    );
    undo.push(async () => {
      // What is deleted next needs no checkpoint, and replication clients are not waited for.
      if (!server.hasEnded()) await terminateServer(server.pid, isTemporary ? "immediate" : "fast");
      await server.ended;
    });
    send({ type: "ready", server: { pid: server.pid, port, password } });
    if (!signal.aborted) await Promise.race([server.ended, once(signal, "abort")]);
    if (!signal.aborted) log("PostgreSQL has ended, and nobody here told it to");
  } finally {
    await undoAll(undo);
  }
}

/** Between finding a directory and claiming it, a removal may have taken it away. */
async function claimDataDirectory(
  dataDirectory: string,
  user: ServerUser | undefined,
  holder: string,
): Promise<{ directory: string; claim: Claim }> {
  for (let attempt = 1; ; attempt++) {
    const directory = await openDataDirectory(dataDirectory, user);
    try {
      const claim = await claimDirectory(directory, holder);
      if ((await realpath(resolve(dataDirectory))) === directory) return { directory, claim };
      await claim.release();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === 5) throw error;
    }
  }
}

/** In reverse order; one that fails keeps none of the others from being done. */
async function undoAll(undo: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of undo.toReversed()) {
    await step().catch((error: unknown) => errors.push(error));
  }
  if (errors.length > 0) throw errors[0];
}
