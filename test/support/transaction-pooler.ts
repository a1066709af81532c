import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import pg from "pg";

/**
 * A pooler in transaction mode, as strict as one can be: after each transaction the client's next one
 * goes to another server connection, so that whatever relies on a session fails.
 */
export interface TransactionPooler {
  /** The same database, through the pooler. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startTransactionPooler(
  url: string,
  connections: number,
): Promise<TransactionPooler> {
  const servers = await Promise.all(Array.from({ length: connections }, () => openServer(url)));
  const idle = [...servers];
  const waiting: ((server: Socket) => void)[] = [];
  const clients = new Set<Socket>();

  function acquire(): Promise<Socket> {
    const server = idle.shift();
    if (server !== undefined) return Promise.resolve(server);
    return new Promise((resolve) => waiting.push(resolve));
  }

  function release(server: Socket): void {
    server.removeAllListeners("data");
    const next = waiting.shift();
    if (next === undefined) idle.push(server);
    else next(server);
  }

  const listener = createServer((client) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    client.on("error", () => client.destroy());
    let server: Promise<Socket> | undefined;
    let started = false;

    /** Passes messages on until the server says that the transaction is over. */
    function serve(message: Buffer): void {
      server ??= acquire().then((socket) => {
        const replies = new Messages(true);
        socket.on("data", (data: Buffer) => {
          client.write(data);
          const ready = replies.add(data).at(-1);
          // ReadyForQuery, idle
          if (ready?.[0] !== 0x5a || ready[5] !== 0x49) return;
          server = undefined;
          release(socket);
        });
        return socket;
      });
      void server.then((socket) => socket.write(message));
    }

    const startup = new Messages(false);
    const requests = new Messages(true);
    client.on("data", (data: Buffer) => {
      if (!started) {
        const message = startup.add(data)[0];
        if (message === undefined) return;
        // SSLRequest: no.
        if (message.length === 8) return void client.write("N");
        started = true;
        client.write(greeting);
        return;
      }
      for (const message of requests.add(data)) {
        // Terminate ends the client, not the server.
        if (message[0] !== 0x58) serve(message);
      }
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const through = new URL(url);
  through.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url: through.href,
    async close() {
      for (const client of clients) client.destroy();
      for (const server of servers) server.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

/** A server connection that is past its authentication; pg has done that, and is then left out. */
async function openServer(url: string): Promise<Socket> {
  const client = new pg.Client({ connectionString: url, application_name: "test-harness" });
  await client.connect();
  const socket = client.connection.stream as Socket;
  for (const event of ["data", "end", "close", "error"]) socket.removeAllListeners(event);
  socket.on("error", () => socket.destroy());
  return socket;
}

/** AuthenticationOk, a parameter that pg wants to know, ReadyForQuery. */
const greeting = Buffer.concat([
  Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]),
  Buffer.from("S\0\0\0\x19client_encoding\0UTF8\0", "latin1"),
  Buffer.from([0x5a, 0, 0, 0, 5, 0x49]),
]);

/** Cuts a stream into PostgreSQL's messages: a type (except at the start), a length, a body. */
class Messages {
  readonly #offset: number;
  #rest = Buffer.alloc(0);

  constructor(typed: boolean) {
    this.#offset = typed ? 1 : 0;
  }

  add(data: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, data]);
    const messages: Buffer[] = [];
    while (this.#rest.length >= this.#offset + 4) {
      const length = this.#offset + this.#rest.readInt32BE(this.#offset);
      if (this.#rest.length < length) break;
      messages.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
    }
    return messages;
  }
}
