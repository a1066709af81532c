import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { ConfigurationError, definePart, type Observe, type Part } from "@centralcloud/service";
import type { ConsoleObservation } from "../observation.ts";

export interface HttpServerOptions {
  /** 0 for any free one. */
  readonly port: number;
  readonly address: string;
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly observe: Observe<ConsoleObservation>;
}

/** Another process listens on the port. */
export class ConsolePortTakenError extends ConfigurationError {
  constructor(port: number) {
    super([
      `CONSOLE_PORT: port ${port} is taken by another process; set it to a free one, or to 0 for any`,
    ]);
    this.name = "ConsolePortTakenError";
  }
}

/** What a browser may take of this process. */
const limits = {
  connections: 1_024,
  headerBytes: 16 * 1_024,
  headersMs: 5_000,
  /** A form with a long message may come over a slow line. */
  requestMs: 60_000,
  keepAliveMs: 15_000,
} as const;

export interface HttpServer extends Part {
  /** Where it listens, once it has started. */
  readonly port: number;
}

export function createHttpServer({
  port,
  address,
  answer,
  observe,
}: HttpServerOptions): HttpServer {
  let server: Server | undefined;
  let actual = 0;
  const part = definePart({
    name: "console",
    async start() {
      const listening = createServer({
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.headersMs,
        requestTimeout: limits.requestMs,
        keepAliveTimeout: limits.keepAliveMs,
        connectionsCheckingInterval: 1_000,
      });
      server = listening;
      keepRoom(listening);
      listening.on("request", (request, response) => {
        answer(request, response).catch(() => response.destroy());
      });
      listening.listen({ port, host: address });
      await once(listening, "listening").catch((error: NodeJS.ErrnoException) => {
        const { code = "" } = error;
        if (code === "EADDRINUSE") throw new ConsolePortTakenError(port);
        if (code === "EACCES") {
          throw new ConfigurationError([
            "CONSOLE_PORT: this process has no right to listen there; take a port from 1024 on",
          ]);
        }
        if (code === "EADDRNOTAVAIL") {
          throw new ConfigurationError(["CONSOLE_ADDRESS: this machine has no such address"]);
        }
        throw error;
      });
      actual = (listening.address() as AddressInfo).port;
      observe({ event: "part-started", part: "console", detail: `port ${actual} of ${address}` });
    },
    async stop(graceMs) {
      if (server?.listening !== true) return;
      const closed = new Promise((resolve) => server?.close(resolve));
      server.closeIdleConnections();
      const cut = setTimeout(() => server?.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
      observe({ event: "part-stopped", part: "console" });
    },
  });
  return {
    ...part,
    get port() {
      return actual;
    },
  };
}

/** Closes the connection that has asked nothing for longest where there are too many. */
function keepRoom(server: Server): void {
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    if (open.size <= limits.connections) return;
    const [longest] = open;
    longest?.destroy();
  });
  server.on("request", ({ socket }) => {
    if (!open.delete(socket)) return;
    open.add(socket);
  });
}
