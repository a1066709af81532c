import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import {
  ConfigurationError,
  definePart,
  type Observe,
  type Part,
  type PartObservation,
} from "@centralcloud/service";
import type { Metrics } from "./metrics/metrics.ts";

export interface HttpServerOptions {
  /** 0 for any free one; which it is, is told by the observation `part-started`. */
  readonly port: number;
  /** An IP address of this machine, or a name for one; absent: all of its interfaces. */
  readonly address?: string;
  /** What `/readyz` answers: with 200 where it is ready, else with 503. */
  readonly health: () => { readonly ready: boolean };
  /** Absent: there is no `/metrics`. */
  readonly metrics?: Pick<Metrics, "contentType" | "render">;
  /** The variables that give port and address, for errors to name. */
  readonly variables: { readonly port: string; readonly address: string };
  readonly observe: Observe<PartObservation>;
}

/** Another process listens on the port: a consumer beside this one, perhaps. */
export class PortTakenError extends Error {
  readonly code = "port_taken";
  constructor(port: number, variable: string, cause: unknown) {
    super(
      `port ${port} is taken by another process: set ${variable} to a free one, or to 0 for any`,
      { cause },
    );
    this.name = "PortTakenError";
  }
}

/** What is wrong with the address, by the code of the error. */
const addressFaults: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "the name has no address",
  EAI_AGAIN: "the name can't be looked up now; give an IP address",
  EAFNOSUPPORT: "this machine has no addresses of that kind",
  EINVAL: "a link-local address needs its interface, as in fe80::1%eth0",
};

/** Answers from so many bytes on are compressed for who takes that: metrics of hundreds of sources. */
const compressedFrom = 100_000;

const compress = promisify(gzip);

/** What a client may take of this process. Nobody who asks for health or metrics comes near it. */
const limits = {
  /** Open at the same time. One more closes the one that has asked nothing for longest. */
  connections: 512,
  headerBytes: 8 * 1024,
  /** From the first byte to the end of the headers, and of the whole request. */
  headersMs: 5_000,
  requestMs: 10_000,
  /** A connection that asks nothing more. */
  keepAliveMs: 5_000,
  /** From the request to the last byte of the answer: a client may read slowly, but not for ever. */
  answerMs: 30_000,
} as const;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/**
 * `/healthz`: the process answers. `/readyz`: this replica can do its work; the body says what keeps it from
 * that, and which sources are away, which readiness does not depend on. Neither asks a database anything.
 * `/metrics`: for Prometheus; what was seen at the databases last.
 *
 * It answers GET and HEAD, and it answers them beside any number of slow connections.
 */
export function createHttpServer(options: HttpServerOptions): Part {
  const { port, address, variables, observe } = options;
  let server: Server | undefined;
  return definePart({
    name: "http server",
    async start() {
      const answerTo = answering(options);
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
        if (request.socket.destroyed) return;
        answer(request, response, answerTo).catch(() => response.destroy());
      });
      listening.listen({ port, ...(address === undefined ? {} : { host: address }) });
      await once(listening, "listening").catch((error: NodeJS.ErrnoException) => {
        const { code = "" } = error;
        if (code === "EADDRINUSE") throw new PortTakenError(port, variables.port, error);
        if (code === "EACCES") {
          const words = "this process has no right to listen there; take a port from 1024 on";
          throw new ConfigurationError([`${variables.port}: ${words}`]);
        }
        const fault = addressFaults[code];
        if (fault === undefined) throw error;
        throw new ConfigurationError([`${variables.address}: ${fault}`]);
      });
      const { port: actual } = listening.address() as AddressInfo;
      const detail = `port ${actual}${address === undefined ? "" : ` of ${address}`}`;
      observe({ event: "part-started", part: "http server", detail, port: actual });
    },
    async stop() {
      if (server?.listening !== true) return;
      const closed = new Promise((resolve) => server?.close(resolve));
      server.closeAllConnections();
      await closed;
      observe({ event: "part-stopped", part: "http server" });
    },
  });
}

/**
 * Closes the connection that has asked nothing for longest where there are more than {@link limits} allow, and one that
 * asks again before it has its answer: each answer that nobody reads would take memory.
 */
function keepRoom(server: Server): void {
  /** The one that asked last is the last. */
  const open = new Set<Socket>();
  const answered = new WeakMap<Socket, ServerResponse>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    if (open.size <= limits.connections) return;
    const [longest] = open;
    longest?.destroy();
  });
  server.on("request", ({ socket }, response) => {
    if (answered.get(socket)?.closed === false) socket.destroy();
    if (socket.destroyed) return;
    answered.set(socket, response);
    open.delete(socket);
    open.add(socket);
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  answerTo: (path: string) => Promise<Answer>,
): Promise<void> {
  const timer = setTimeout(() => response.destroy(), limits.answerMs);
  response.once("close", () => clearTimeout(timer));
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    // A body that comes is not read.
    response.setHeader("connection", "close");
    send(response, json(405, { error: "only GET and HEAD are answered" }));
    return;
  }
  const [path = "/"] = (request.url ?? "/").split("?");
  const found = await answerTo(path).catch(broken);
  const takesGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  if (!takesGzip || found.body.length <= compressedFrom) return send(response, found);
  response.setHeader("content-encoding", "gzip");
  send(response, { ...found, body: await compress(found.body, { level: 1 }) });
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { "content-type": type, "content-length": body.length });
  response.end(body);
}

/**
 * The answers by path. Metrics are written for one at a time: all who ask meanwhile get those that are begun next, so
 * nobody gets what is older than the question.
 */
function answering({ health, metrics }: HttpServerOptions): (path: string) => Promise<Answer> {
  let current: Promise<Buffer> | undefined;
  let next: Promise<Buffer> | undefined;
  const render = (source: Pick<Metrics, "render">) => {
    current = source
      .render()
      .then((text) => Buffer.from(text))
      .finally(() => {
        current = undefined;
      });
    return current;
  };
  const renderNext = async (source: Pick<Metrics, "render">, before: Promise<Buffer>) => {
    await before.catch(() => {});
    next = undefined;
    return await render(source);
  };
  return async (path) => {
    if (path === "/healthz") return json(200, { status: "ok" });
    if (path === "/readyz") {
      const report = health();
      return json(report.ready ? 200 : 503, report);
    }
    if (path === "/metrics" && metrics !== undefined) {
      if (current !== undefined) next ??= renderNext(metrics, current);
      return { status: 200, type: metrics.contentType, body: await (next ?? render(metrics)) };
    }
    const paths = `/healthz${metrics === undefined ? " and" : ","} /readyz${metrics === undefined ? "" : " and /metrics"}`;
    return json(404, { error: `there are ${paths}` });
  };
}

function json(status: number, value: unknown): Answer {
  return { status, type: "application/json", body: Buffer.from(`${JSON.stringify(value)}\n`) };
}

function broken(error: unknown): Answer {
  return json(500, { error: error instanceof Error ? error.message : String(error) });
}
