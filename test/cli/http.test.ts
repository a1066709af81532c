import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { until } from "../support/until.ts";

const system = useSystem();
let command: ReturnType<typeof startCommand>;
let port: number;

beforeAll(async () => {
  command = startCommand(["consume"], {
    ...environmentOf(system),
    CONSUMER_HTTP_ADDRESS: "127.0.0.1",
  });
  port = Number(
    await until(
      "the port is in the log",
      () => /"detail":"port (\d+) of 127.0.0.1"/.exec(command.output())?.[1],
    ),
  );
});

afterAll(async () => {
  command.child.kill("SIGTERM");
  await command.finished;
});

const ask = (path: string, options: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, options);

/** Connections that say something and then nothing more. */
async function openSlowly(count: number, text: string): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("connect", () => socket.write(text));
    return socket;
  });
  await Promise.all(
    sockets.map(
      (socket) => new Promise((resolve) => socket.once("connect", resolve).once("close", resolve)),
    ),
  );
  return sockets;
}

/** The median of twenty answers, in milliseconds; each is asked for by a new connection. */
async function medianHealth(): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 20; round++) {
    const startedAt = performance.now();
    const { status } = await ask("/healthz", { headers: { connection: "close" } });
    expect(status).toBe(200);
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((one, other) => one - other)[10] ?? Number.NaN;
}

test("it listens at the address that it is given, and nowhere else", async () => {
  expect((await ask("/healthz")).status).toBe(200);
  await expect(fetch(`http://127.0.0.2:${port}/healthz`)).rejects.toThrow("fetch failed");
});

test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])(
  "%s is refused, with what is answered",
  async (method) => {
    const answer = await ask("/metrics", { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
  },
);

test("HEAD has the headers of GET, and no body", async () => {
  const [head, get] = [await ask("/healthz", { method: "HEAD" }), await ask("/healthz")];
  expect(head.status).toBe(200);
  expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
  expect(await head.text()).toBe("");
});

test("headers beyond 8 kB are refused", async () => {
  const answer = await ask("/healthz", { headers: { "x-long": "x".repeat(9_000) } });
  expect(answer.status).toBe(431);
});

test.each([
  ["that say nothing", ""],
  ["that do not end their headers", "GET /metrics HTTP/1.1\r\nhost: x\r\n"],
  [
    "that do not end their body",
    "GET /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx",
  ],
  ["that read no answer", "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(20)],
])("health is answered beside 1,500 connections %s", async (_, text) => {
  const sockets = await openSlowly(1_500, text);
  try {
    // The promise is 100 milliseconds; a machine that runs other tests beside this one is slower.
    expect(await medianHealth()).toBeLessThan(500);
    // Unread answers would hide that a connection was closed.
    for (const socket of sockets) socket.resume();
    await until(
      "those beyond the limit are closed",
      () => sockets.filter((socket) => socket.readyState === "open").length <= 512,
    );
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test("a request that does not end is cut", async () => {
  const [socket] = await openSlowly(1, "GET /healthz HTTP/1.1\r\nhost: x\r\n");
  socket?.resume();
  await until("it is closed", () => socket?.destroyed, 20_000);
});

test.each([
  ["127.0.0.1:9464", "must be an IP address or a host name"],
  ["[::1]", "must be an IP address or a host name"],
  ["192.0.2.1", "this machine has no such address"],
])("%s is no address to listen at", async (address, words) => {
  const refused = startCommand(["consume"], {
    ...environmentOf(system),
    CONSUMER_HTTP_ADDRESS: address,
  });
  const { exitCode, stderr } = await refused.finished;
  expect(exitCode).toBe(2);
  expect(stderr + refused.output()).toContain(words);
});

test("a scheduler answers health where it is given a port, and says what it does at each source", async () => {
  const scheduler = startCommand(["scheduler"], {
    ...environmentOf(system),
    SCHEDULER_HTTP_PORT: "0",
  });
  try {
    const itsPort = await until(
      "the port is in the log",
      () => /"detail":"port (\d+)"/.exec(scheduler.output())?.[1],
    );
    const get = (path: string) => fetch(`http://127.0.0.1:${itsPort}${path}`);
    expect((await get("/healthz")).status).toBe(200);
    const report = await until("it leads", async () => {
      const answer = await get("/readyz");
      const body = (await answer.json()) as { sources: readonly { state: string }[] };
      return answer.ok && body.sources.length > 0 ? body : undefined;
    });
    expect(report).toEqual({
      ready: true,
      sources: [{ source: system.singularity.name, state: "leading" }],
    });
    expect((await get("/metrics")).status).toBe(404);
  } finally {
    scheduler.child.kill("SIGTERM");
    await scheduler.finished;
  }
});
