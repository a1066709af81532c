import { once } from "node:events";
import { createServer, type Socket } from "node:net";

export interface SilentServer {
  /** As of a database. */
  readonly url: string;
  /** Somebody has connected. */
  readonly accepted: Promise<unknown>;
}

/** Gives work a server that takes connections and says nothing. */
export async function withSilentServer<Result>(
  work: (server: SilentServer) => Promise<Result>,
): Promise<Result> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).resume();
  });
  const accepted = once(server, "connection");
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    return await work({ url: `postgres://127.0.0.1:${port}/silent`, accepted });
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  }
}
