import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  AnswerTooLargeError,
  classifyFault,
  createClient,
  createPool,
  cutAllConnections,
  type EndingClient,
  endPool,
  plainTypes,
} from "../src/index.ts";

/* At a server of a stranger's making, which takes a session and then says what it likes. */

const megabyte = 1024 * 1024;
const limit = 4 * megabyte;

let server: Server;
let url: string;
const sockets = new Set<Socket>();
/** What the server says to the statement that follows the one which settles the session. */
let answer: (socket: Socket) => void;
/** What it says to the startup message. */
let greet: (socket: Socket) => void;

function message(type: string, body: Buffer, length = body.length + 4): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

const text = (words: string) => Buffer.from(`${words}\0`);
const ready = message("Z", Buffer.from("I"));
const done = Buffer.concat([message("C", text("SELECT 1")), ready]);

function columns(...names: readonly string[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(names.length);
  // Of type text, as texts.
  const about = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]);
  return message("T", Buffer.concat([count, ...names.flatMap((name) => [text(name), about])]));
}

function row(...values: readonly (string | null)[]): Buffer {
  const parts: Buffer[] = [Buffer.alloc(2)];
  parts[0]?.writeUInt16BE(values.length);
  for (const value of values) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : Buffer.byteLength(value));
    parts.push(length, Buffer.from(value ?? ""));
  }
  return message("D", Buffer.concat(parts));
}

function notice(type: "N" | "E", words: string): Buffer {
  const fields = [`SERROR`, "C42501", `M${words}`].map(text);
  return message(type, Buffer.concat([...fields, Buffer.from([0])]));
}

/** Sends without end, as fast as it is taken. */
function flood(socket: Socket, part: Buffer): void {
  const send = () => {
    if (socket.destroyed) return;
    if (socket.write(part)) setImmediate(send);
    else socket.once("drain", send);
  };
  send();
}

beforeEach(async () => {
  answer = (socket) => void socket.write(Buffer.concat([columns("a"), row("1"), done]));
  greet = (socket) => {
    const pid = Buffer.from([0, 0, 0, 7, 0, 0, 0, 0]);
    socket.write(
      Buffer.concat([message("R", Buffer.from([0, 0, 0, 0])), message("K", pid), ready]),
    );
  };
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    let heard = 0;
    socket.on("data", (bytes) => {
      heard += 1;
      if (bytes[0] === "X".charCodeAt(0)) socket.end();
      else if (heard === 1) greet(socket);
      else if (heard === 2) {
        const found = columns("pid", "encoding", "database", "name", "found");
        socket.write(Buffer.concat([found, row("7", "UTF8", "x", "jit", "off"), done]));
      } else answer(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `postgres://x@127.0.0.1:${(server.address() as AddressInfo).port}/x`;
});

afterEach(async () => {
  cutAllConnections();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function connect(): Promise<EndingClient> {
  const client = createClient(url, { applicationName: "test", answerBytes: limit });
  await client.connect();
  return client;
}

/** Asks once, and says what became of that, and by how much the process has grown meanwhile, in bytes. */
async function ask(client: EndingClient): Promise<{ error: Error; grownBy: number }> {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const error = await client.query("select").then(
    () => new Error("it was answered"),
    (cause: Error) => cause,
  );
  const grownBy = process.memoryUsage().rss - before;
  await client.end();
  return { error, grownBy };
}

test("an answer below the limit is taken, and the next one has the whole limit again", async () => {
  const large = "x".repeat(3 * megabyte);
  answer = (socket) => void socket.write(Buffer.concat([columns("a"), row(large), done]));
  const client = await connect();
  for (let time = 0; time < 3; time++) {
    const { rows } = await client.query<{ a: string }>("select");
    expect(rows[0]?.a.length).toBe(large.length);
  }
  await client.end();
});

test("an answer that comes byte by byte is measured as any other", async () => {
  const whole = Buffer.concat([columns("a", "b"), row("1", null), row("2", "x"), done]);
  answer = (socket) => {
    socket.setNoDelay(true);
    const bytes = [...whole].values();
    const send = () => {
      const next = bytes.next();
      if (!next.done) socket.write(Buffer.from([next.value]), () => setImmediate(send));
    };
    send();
  };
  const client = await connect();
  const { rows } = await client.query("select");
  expect(rows).toEqual([
    { a: "1", b: null },
    { a: "2", b: "x" },
  ]);
  await client.end();
});

const names = (count: number) => Array.from({ length: count }, (_, index) => `c${index}`);

test.each<[string, () => Buffer]>([
  ["rows", () => Buffer.concat(Array.from({ length: 100 }, () => row("x".repeat(1000))))],
  ["rows without a column", () => Buffer.concat(Array.from({ length: 5_000 }, () => row()))],
  [
    "rows of many nulls",
    () => Buffer.concat(Array.from({ length: 20 }, () => row(...new Array(1_600).fill(null)))),
  ],
  ["notices", () => notice("N", "x".repeat(10_000))],
  [
    "notifications",
    () => message("A", Buffer.concat([Buffer.alloc(4), text("c"), text("x".repeat(7_000))])),
  ],
  ["changed parameters", () => message("S", Buffer.concat([text("a"), text("x".repeat(7_000))]))],
])("%s without end are an answer that is too large", async (_, part) => {
  const bytes = part();
  answer = (socket) => {
    socket.write(columns(...names(bytes.readUInt16BE(5) === 1_600 ? 1_600 : 1)));
    flood(socket, bytes);
  };
  const { error, grownBy } = await ask(await connect());
  expect(error).toBeInstanceOf(AnswerTooLargeError);
  expect(error.message).toMatch(
    /(an answer of 127.0.0.1:\d+\/x is larger than 4|what 127.0.0.1:\d+\/x says .* is larger than 1) MB/,
  );
  expect(classifyFault(error)).toMatchObject({
    kind: "answer-too-large",
    owner: "nobody",
    scope: "lane",
  });
  expect(grownBy).toBeLessThan(100 * megabyte);
});

test.each([
  ["a row", "D", 0x7f_ff_ff_ff],
  ["an error", "E", 100 * megabyte],
  ["a notice", "N", 100 * megabyte],
  ["columns", "T", 2 * megabyte],
  ["the word that all is done", "C", 2 * megabyte],
])("%s that is too long is refused before it has come", async (_, type, length) => {
  // Only its beginning is sent: whoever waits for the rest waits in vain.
  const beginning = message(type, Buffer.alloc(1_000), length);
  answer = (socket) => void socket.write(Buffer.concat([columns("a"), beginning]));
  const startedAt = performance.now();
  const { error } = await ask(await connect());
  expect(error).toBeInstanceOf(AnswerTooLargeError);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test("notices while nobody asks anything end the connection, and the next question says why", async () => {
  const client = await connect();
  const ended = new Promise((resolve) => client.once("end", resolve));
  for (const socket of sockets) flood(socket, notice("N", "x".repeat(10_000)));
  await ended;
  await expect(client.query("select")).rejects.toThrow();
});

test("an error of ordinary length stays the server's error, and the connection works on", async () => {
  let time = 0;
  answer = (socket) => {
    time += 1;
    const words = Buffer.concat([notice("E", "x".repeat(100_000)), ready]);
    socket.write(time === 1 ? words : Buffer.concat([columns("a"), row("1"), done]));
  };
  const client = await connect();
  await expect(client.query("select")).rejects.toMatchObject({ code: "42501" });
  expect((await client.query("select")).rows).toEqual([{ a: "1" }]);
  await client.end();
});

test.each<[string, Buffer]>([
  ["a way to log in that nobody knows", message("R", Buffer.from([0, 0, 0, 99]))],
  ["a row that says it has more values than it has", message("D", Buffer.from([127, 255, 0, 0]))],
  ["a row without a number of values", message("D", Buffer.alloc(0))],
  ["a row that ends before its value", message("D", Buffer.from([0, 1, 0, 0, 0, 9, 65]))],
  ["a row that continues after its value", message("D", Buffer.from([0, 1, 0, 0, 0, 1, 65, 66]))],
  ["a value that leads back", message("D", Buffer.from([0, 1, 255, 255, 255, 0]))],
  ["a length below that of the length itself", message("C", Buffer.alloc(0), 0)],
  ["a message of no known kind", message("?", Buffer.from("hello"))],
  ["an error that never ends", message("E", Buffer.from("Mx"))],
  ["an error whose list of texts has no end", message("E", Buffer.from("Mx\0"))],
  ["an error of nothing", message("E", Buffer.alloc(0))],
  ["another protocol", Buffer.from("<!doctype html>")],
])("%s fails the statement, and not the process", async (_, bytes) => {
  answer = (socket) => void socket.write(Buffer.concat([columns("a"), bytes]));
  const { error } = await ask(await connect());
  expect(classifyFault(error)).toMatchObject({ owner: "nobody", scope: "database" });
});

test.each<[string, (socket: Socket) => void]>([
  ["another protocol", (socket) => void socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["nonsense", (socket) => flood(socket, Buffer.from("nonsense"))],
  ["notices without end", (socket) => flood(socket, notice("N", "x".repeat(10_000)))],
  ["an error of 100 MB", (socket) => void socket.write(message("E", Buffer.alloc(9), 100_000_000))],
])("a server that greets with %s is one that can't be connected to", async (_, saying) => {
  greet = saying;
  const client = createClient(url, { applicationName: "test" });
  await expect(client.connect()).rejects.toMatchObject({ code: "08P01" });
  await client.end();
});

test("a server that asks for the password without end is given it once", async () => {
  let asked = 0;
  greet = (socket) => {
    const first = message(
      "R",
      Buffer.concat([Buffer.from([0, 0, 0, 10]), text("SCRAM-SHA-256"), text("")]),
    );
    socket.write(first);
    socket.removeAllListeners("data");
    socket.on("data", (bytes) => {
      const nonce = /r=([^,\0]+)/.exec(bytes.toString("latin1"))?.[1];
      if (nonce === undefined) return;
      asked += 1;
      const words = `r=${nonce}x,s=${Buffer.from("salt").toString("base64")},i=100000`;
      const step = message("R", Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from(words)]));
      socket.write(asked % 2 === 0 ? first : step);
    });
  };
  const client = createClient(url.replace("x@", "x:secret@"), { applicationName: "test" });
  await expect(client.connect()).rejects.toThrow("asks for the password again and again");
  await client.end();
  expect(asked).toBe(2);
});

test("a pool continues with another connection after an answer that was too large", async () => {
  const pool = createPool(url, { applicationName: "test", max: 1, answerBytes: limit });
  const wellBehaved = answer;
  answer = (socket) => flood(socket, row("x".repeat(10_000)));
  await expect(pool.query("select")).rejects.toBeInstanceOf(AnswerTooLargeError);
  answer = wellBehaved;
  expect((await pool.query("select")).rows).toEqual([{ a: "1" }]);
  await endPool(pool, 1_000);
});

test("plain types read simple values, and leave JSON and arrays the text that they are", () => {
  const read = (type: number, value: string) =>
    (plainTypes.getTypeParser(type as never) as (value: string) => unknown)(value);
  expect([read(23, "7"), read(16, "t"), read(701, "0.5")]).toEqual([7, true, 0.5]);
  expect([read(20, "7"), read(3802, "[1]"), read(114, "{}"), read(1009, "{a}")]).toEqual([
    "7",
    "[1]",
    "{}",
    "{a}",
  ]);
});
