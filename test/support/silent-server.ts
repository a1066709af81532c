import { once } from "node:events";
import { createServer, type Socket } from "node:net";

export interface SilentServer {
  /** As of a database. */
  readonly url: string;
  /** Somebody has connected. */
  readonly accepted: Promise<unknown>;
  readonly close: () => void;
}

/** A server that takes connections and says nothing. */
export async function silentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).resume();
  });
  const accepted = once(server, "connection");
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    url: `postgres://127.0.0.1:${port}/silent`,
    accepted,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
