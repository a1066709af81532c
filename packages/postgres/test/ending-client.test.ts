import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createClient,
  createPool,
  cutAllConnections,
  type EndingClient,
  endPool,
} from "../src/index.ts";

/* At a server that takes connections and says nothing: eight at a time try to connect, the others wait. */

let server: Server;
let url: string;
const sockets = new Set<Socket>();
let connections = 0;
/** What the server does with everything that a client has sent. */
let converse: (socket: Socket) => void;

beforeEach(async () => {
  connections = 0;
  converse = () => {};
  server = createServer((socket) => {
    connections += 1;
    socket.on("data", () => converse(socket));
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `postgres://x@127.0.0.1:${(server.address() as AddressInfo).port}/x`;
});

afterEach(async () => {
  cutAllConnections();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** Clients that connect, and when each of them was told that it can't. */
function connectMany(count: number): { client: EndingClient; failed: Promise<Error> }[] {
  return Array.from({ length: count }, () => {
    const client = createClient(url, { applicationName: "test" });
    const failed = client.connect().then(
      () => Promise.reject(new Error("it connected to nothing")),
      (error: Error) => error,
    );
    return { client, failed };
  });
}

async function expectToFailAtOnce(failures: readonly Promise<Error>[]): Promise<void> {
  const startedAt = performance.now();
  await Promise.all(failures);
  // Each place is kept for a second: in their turn, these would have taken ten.
  expect(performance.now() - startedAt).toBeLessThan(800);
}

test("who waits for its turn is told at once when it is ended, and never connects", async () => {
  const clients = connectMany(80);
  const waiting = clients.slice(8);
  for (const { client } of waiting) await client.end();
  await expectToFailAtOnce(waiting.map(({ failed }) => failed));
  expect(connections).toBeLessThanOrEqual(8);
});

test("who waits for its turn is told at once when it is cut", async () => {
  const clients = connectMany(80);
  for (const { client } of clients) client.cut();
  await expectToFailAtOnce(clients.map(({ failed }) => failed));
});

test("all that connect and all that wait end when every connection of the process is cut", async () => {
  const clients = connectMany(80);
  cutAllConnections();
  await expectToFailAtOnce(clients.map(({ failed }) => failed));
});

test("a place that was given up is free for the next one", async () => {
  for (const { client } of connectMany(80)) client.cut();
  const later = connectMany(8);
  await new Promise<void>((resolve) => {
    const look = () => (connections >= 8 ? resolve() : setTimeout(look, 5));
    look();
  });
  for (const { client } of later) client.cut();
  await expectToFailAtOnce(later.map(({ failed }) => failed));
});

/** A message of PostgreSQL's protocol: its type, its length, its content. */
function message(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
}

const welcome = Buffer.concat([
  message("R", Buffer.alloc(4)),
  message("K", Buffer.alloc(8)),
  message("Z", Buffer.from("I")),
]);
const terminated = message(
  "E",
  Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"),
);

/** How a server may end a session that has only just begun. */
const ends: Record<string, (socket: Socket, turn: number) => void> = {
  "with its welcome": (socket) => void socket.end(Buffer.concat([welcome, terminated])),
  "when it is asked for settings": (socket, turn) =>
    void (turn === 1 ? socket.write(welcome) : socket.end(terminated)),
  silently: (socket, turn) => void (turn === 1 ? socket.write(welcome) : socket.destroy()),
};

test.each(Object.entries(ends))(
  "a session that the server ends %s ends neither the process nor the pool",
  async (_, endSession) => {
    // An error that nobody hears would be one that nobody caught, which fails the run.
    const turns = new WeakMap<Socket, number>();
    converse = (socket) => {
      const turn = (turns.get(socket) ?? 0) + 1;
      turns.set(socket, turn);
      endSession(socket, turn);
    };
    const pool = createPool(url, { applicationName: "test", max: 2 });
    for (let round = 0; round < 3; round++) {
      await expect(pool.query("select 1")).rejects.toThrow(/terminat|ECONNRESET/);
    }
    await expect(createClient(url, { applicationName: "test" }).connect()).rejects.toThrow();
    await endPool(pool, 100);
  },
);
