import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { Health } from "./consumer.ts";
import type { Metrics } from "./metrics/metrics.ts";

export interface HttpServerOptions {
  /** 0 for any free one; which it is, is told by the observation `part-started`. */
  readonly port: number;
  readonly health: () => Health;
  readonly metrics: Pick<Metrics, "contentType" | "render">;
  readonly observe: Observe;
}

/** Another process listens on the port: a consumer beside this one, perhaps. */
export class PortTakenError extends Error {
  readonly code = "port_taken";
  constructor(port: number, cause: unknown) {
    super(
      `port ${port} is taken by another process: set CONSUMER_HTTP_PORT to a free one, or to 0 for any`,
      { cause },
    );
    this.name = "PortTakenError";
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * `/healthz`: the process answers. `/readyz`: it also does its work; the body says which side keeps
 * it from that. Neither asks a database anything. `/metrics`: for Prometheus; looks at the databases, but waits
 * for none that is slow.
 */
export function createHttpServer(options: HttpServerOptions): Part {
  const { port, observe } = options;
  let server: Server | undefined;
  return definePart({
    name: "http server",
    async start() {
      server = createServer(async (request, response) => {
        const { status, type, body } = await answer(request.url ?? "/", options).catch(broken);
        response.writeHead(status, { "content-type": type });
        response.end(body);
      });
      const listening = server;
      listening.listen(port);
      await once(listening, "listening").catch((error: NodeJS.ErrnoException) => {
        throw error.code === "EADDRINUSE" ? new PortTakenError(port, error) : error;
      });
      const { port: actual } = listening.address() as AddressInfo;
      observe({ event: "part-started", part: "http server", detail: `port ${actual}` });
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

async function answer(url: string, { health, metrics }: HttpServerOptions): Promise<Answer> {
  const [path] = url.split("?");
  if (path === "/healthz") return json(200, { status: "ok" });
  if (path === "/readyz") {
    const report = health();
    return json(report.ready ? 200 : 503, report);
  }
  if (path === "/metrics") {
    return { status: 200, type: metrics.contentType, body: await metrics.render() };
  }
  return json(404, { error: "there are /healthz, /readyz and /metrics" });
}

function json(status: number, value: unknown): Answer {
  return { status, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

function broken(error: unknown): Answer {
  return json(500, { error: error instanceof Error ? error.message : String(error) });
}
