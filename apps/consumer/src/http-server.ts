import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { Health } from "./consumer.ts";

/**
 * `/healthz`: the process answers. `/readyz`: it also does its work; the body says which side keeps
 * it from that. Neither asks a database anything.
 *
 * @param port 0 for any free one; which it is, is told by the observation `part-started`.
 */
export function createHttpServer(port: number, health: () => Health, observe: Observe): Part {
  let server: Server | undefined;
  return definePart({
    name: "http server",
    async start() {
      server = createServer((request, response) => {
        const { status, body } = answer(request.url ?? "/", health);
        response.writeHead(status, { "content-type": "application/json" });
        response.end(`${JSON.stringify(body)}\n`);
      });
      const listening = server;
      await new Promise<void>((resolve, reject) => {
        listening.once("error", reject);
        listening.listen(port, () => {
          listening.off("error", reject);
          resolve();
        });
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

function answer(url: string, health: () => Health): { status: number; body: unknown } {
  const [path] = url.split("?");
  if (path === "/healthz") return { status: 200, body: { status: "ok" } };
  if (path === "/readyz") {
    const report = health();
    return { status: report.ready ? 200 : 503, body: report };
  }
  return { status: 404, body: { error: "there are /healthz and /readyz" } };
}
