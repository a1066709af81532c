import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import getPort from "get-port";
import { layoutOf } from "./layout.ts";
import {
  launchServer,
  type ServerProcess,
  type ServerRequest,
  untilReady,
} from "./server-process.ts";
import { terminateServer } from "./terminate-server.ts";

const host = "127.0.0.1";
const attempts = 6;

export interface RunningServer {
  readonly process: ServerProcess;
  readonly port: number;
}

/**
 * Starts the server on the port it had the last time, else on any free one. Between finding a free
 * port and binding it somebody else may take it, so that is tried again with another one.
 */
export async function startServer(
  request: ServerRequest,
  signal: AbortSignal,
): Promise<RunningServer> {
  const { cluster, port: portFile } = layoutOf(request.directory);
  const lastPort = Number(await readFile(portFile, "utf8").catch(() => "0"));
  for (let attempt = 1; ; attempt++) {
    const isFirst = attempt === 1 && lastPort > 0;
    const port = await getPort({ host, ...(isFirst ? { port: lastPort } : {}) });
    const server = await launchServer(request, port);
    try {
      await untilReady(server, cluster, signal);
      if (port !== lastPort) await writeFile(portFile, `${port}\n`);
      return { process: server, port };
    } catch (error) {
      const obstacle = server.hasEnded() ? passingObstacle(server) : undefined;
      await terminateServer(server.pid, "immediate");
      await server.ended;
      if (!obstacle || attempt === attempts || signal.aborted) throw error;
      request.log(`PostgreSQL did not start (${obstacle}); trying again`);
      await delay(obstacle === "port taken" ? 0 : 200 * attempt);
    }
  }
}

/** Recognised by the text, which is English because the server runs with LC_ALL=C. */
function passingObstacle(server: ServerProcess): "port taken" | "old processes" | undefined {
  const said = server.lastLines().join("\n");
  if (/could not bind|could not create any TCP\/IP sockets/.test(said)) return "port taken";
  // Backends of a killed server need a moment to notice.
  if (/pre-existing shared memory block/.test(said)) return "old processes";
  return undefined;
}
