import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Link } from "../../../tools/chaos/proxy/link.ts";
import { failOnLeaks } from "../../support/leaks.ts";
import { until } from "../../support/until.ts";

failOnLeaks();

let server: Server;
let link: Link;
let clients: Socket[];
/** What the server has heard. */
let heard: string;

beforeEach(async () => {
  heard = "";
  clients = [];
  // Says everything back.
  server = createServer((socket) => {
    socket.on("data", (bytes) => {
      heard += bytes;
      socket.write(bytes);
    });
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  link = new Link(() => (server.address() as AddressInfo).port);
  await link.open();
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await link.close();
  await new Promise((resolve) => server.close(resolve));
});

interface Conversation {
  readonly socket: Socket;
  answer: string;
  isClosed: boolean;
}

function call(): Conversation {
  const socket = connect(link.port, "127.0.0.1");
  clients.push(socket);
  const conversation: Conversation = { socket, answer: "", isClosed: false };
  socket.on("data", (bytes) => {
    conversation.answer += bytes;
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    conversation.isClosed = true;
  });
  return conversation;
}

async function untilAnswered(conversation: Conversation, words: string): Promise<void> {
  await until(`the answer is ${words}`, () => conversation.answer === words);
}

test("passes on what both sides say, however much", async () => {
  const conversation = call();
  const words = "so many words ".repeat(200_000);
  conversation.socket.write(words);
  await untilAnswered(conversation, words);
});

test("knows whose connection the server sees", async () => {
  const seen = once(server, "connection");
  call();
  const [socket] = (await seen) as [Socket];
  expect(link.carries(socket.remotePort ?? 0)).toBe(true);
  expect(link.carries(1)).toBe(false);
});

test("says nothing while it is silent, and everything in order when it is opened again", async () => {
  const before = call();
  before.socket.write("a");
  await untilAnswered(before, "a");
  link.change({ kind: "silent" });
  before.socket.write("b");
  const meanwhile = call();
  await once(meanwhile.socket, "connect");
  meanwhile.socket.write("c");
  link.change({ kind: "slow", ms: 30 });
  before.socket.write("d");
  link.change({ kind: "open" });
  before.socket.write("e");
  await untilAnswered(before, "abde");
  await untilAnswered(meanwhile, "c");
});

test("keeps a silent connection open although the other side has gone", async () => {
  const conversation = call();
  conversation.socket.write("a");
  await untilAnswered(conversation, "a");
  link.change({ kind: "silent" });
  const gone = new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  expect(await gone).toBe(1);
  conversation.socket.write("b");
  conversation.socket.end();
  expect(heard).toBe("a");
  link.change({ kind: "open" });
  await until("the server has heard it", () => heard === "ab");
  await until("the connection has ended", () => conversation.isClosed);
});

test("cuts connections, and takes new ones", async () => {
  const first = call();
  first.socket.write("a");
  await untilAnswered(first, "a");
  expect(link.cut()).toBe(1);
  await until("the client has learnt of it", () => first.isClosed);
  const second = call();
  second.socket.write("b");
  await untilAnswered(second, "b");
});

test("refuses new connections and keeps those that are there", async () => {
  const first = call();
  first.socket.write("a");
  await untilAnswered(first, "a");
  link.change({ kind: "refusing" });
  const second = call();
  await until("the second was refused", () => second.isClosed);
  first.socket.write("b");
  await untilAnswered(first, "ab");
});
