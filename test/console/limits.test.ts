import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import {
  createGate,
  createReadLimits,
  createSharedReads,
  createTurns,
  page,
  type Route,
  SessionBusyError,
} from "@centralcloud/console";
import { expect, test } from "vitest";
import { useConsole } from "../support/console.ts";
import { wordsOf } from "../support/console-pages.ts";
import { peopleWith, signInAs } from "../support/console-people.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

/* How much may be asked at once: by one session, of the console, of one database. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);

const moment = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Work that lasts until it is ended. */
function lasting() {
  const ends: (() => void)[] = [];
  return {
    ends,
    work: () => new Promise<void>((resolve) => ends.push(resolve)),
  };
}

test("a gate lets so many in, others as soon as one takes long, and never more than most", async () => {
  const gate = createGate(2, { yieldsAfterMs: 400, most: 3, inLine: 2 });
  const { ends, work } = lasting();
  const all = [gate.run(work), gate.run(work), gate.run(work), gate.run(work)];
  await expect(gate.run(work)).rejects.toThrow("more is being asked");
  await moment();
  expect(ends).toHaveLength(2);
  await until("the two that take long hold up the third no more", async () =>
    ends.length === 3 ? true : undefined,
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(ends).toHaveLength(3);
  ends[0]?.();
  await until("one has left", async () => (ends.length === 4 ? true : undefined));
  for (const end of ends) end();
  await Promise.all(all);
  expect(gate.isIdle).toBe(true);
});

test("of one database so many ask at a time, in turn; who has no more time leaves the line", async () => {
  const takeTurn = createTurns(2);
  const { signal } = new AbortController();
  const [first, second] = [await takeTurn("one", signal), await takeTurn("one", signal)];
  const other = await takeTurn("another", signal);
  const late = new AbortController();
  const left = takeTurn("one", late.signal);
  let isIn = false;
  const third = takeTurn("one", signal).then((end) => {
    isIn = true;
    return end;
  });
  late.abort(new Error("it has had its time"));
  await expect(left).rejects.toThrow("it has had its time");
  await moment();
  expect(isIn).toBe(false);
  first();
  first();
  (await third)();
  second();
  other();
});

test("what takes a search a whole table is read once for all who ask, and soon again where something is missing", async () => {
  const shared = createSharedReads({});
  let reads = 0;
  const read = async () => {
    reads += 1;
    await moment();
    return { answers: [reads], unreachable: [], failed: [] };
  };
  const all = await Promise.all(Array.from({ length: 5 }, () => shared.read("one", 60_000, read)));
  expect(all.map(({ answers }) => answers[0])).toEqual([1, 1, 1, 1, 1]);
  expect((await shared.read("one", 60_000, read)).answers).toEqual([1]);
  expect((await shared.read("another", 60_000, read)).answers).toEqual([2]);
  const partial = async () => ({ ...(await read()), failed: [{ source: "a", reason: "b" }] });
  await shared.read("partly", 60_000, partial);
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  expect((await shared.read("partly", 60_000, partial)).answers).toEqual([4]);
  await expect(
    shared.read("wrong", 60_000, () => Promise.reject(new Error("x"))),
  ).rejects.toThrow();
  await shared.stop();
});

/** A page that is read until the test lets it go. */
function slowPage() {
  const { ends, work } = lasting();
  const slow = page({
    path: "/slow",
    right: "look",
    section: "none",
    query: {},
    title: () => "Slow",
    async read() {
      await work();
      return null;
    },
    page: () => null as never,
  });
  const routes: readonly Route[] = [slow];
  return { ends, routes };
}

test("one session that asks for more pages than a person reads is told so, and holds up nobody else", async () => {
  const { ends, routes } = slowPage();
  const console = await consoles.start(peopleWith({ anna: "look", otto: "look" }), { routes });
  const [anna, otto] = [await signInAs(console, "anna"), await signInAs(console, "otto")];
  const asked = Array.from({ length: 25 }, () => anna.get("/slow"));
  const refused = await Promise.race(asked);
  expect(refused).toMatchObject({ status: 429, headers: { "retry-after": "5" } });
  expect(wordsOf(refused)).toContain("Close tabs that you do not need");
  expect(ends).toHaveLength(8);
  const others = otto.get("/slow");
  await until("another session is served", async () => (ends.length === 9 ? true : undefined));
  let answered = 0;
  for (const one of asked) void one.then(() => (answered += 1));
  await until("all are answered", async () => {
    for (const end of ends) end();
    return answered === asked.length ? true : undefined;
  });
  expect((await others).status).toBe(200);
  const statuses = await Promise.all(asked.map(async (one) => (await one).status));
  expect(statuses.filter((status) => status === 200)).toHaveLength(24);
});

test("more than the console reads at once is refused, and files take no place of a page", async () => {
  const limits = createReadLimits();
  const { ends, work } = lasting();
  const run = (session: number, kind: "page" | "download" = "page") =>
    limits.run(`${session}`, kind, work);
  const running: Promise<void>[] = [];
  for (let count = 0; count < 16 + 128; count += 1) running.push(run(Math.floor(count / 8)));
  const refused = await run(100).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Error);
  expect(refused).not.toBeInstanceOf(SessionBusyError);
  for (let count = 0; count < 8; count += 1) running.push(run(200 + count, "download"));
  await expect(run(300, "download")).rejects.toThrow("more is being asked");
  let left = running.length;
  for (const one of running) void one.then(() => (left -= 1));
  await until("all have ended", async () => {
    for (const end of ends) end();
    return left === 0 ? true : undefined;
  });
});

/** A database that takes connections and says nothing; counts those that are open. */
async function withCountingServer(work: (url: string, most: () => number) => Promise<void>) {
  const sockets = new Set<Socket>();
  let most = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    most = Math.max(most, sockets.size);
    socket.on("error", () => {}).resume();
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    await work(`postgres://127.0.0.1:${port}/silent`, () => most);
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  }
}

test("many pages at once leave a database connections for others, and all are answered in time", async () => {
  await withCountingServer(async (url, most) => {
    const console = await consoles.start({
      SOURCE_DATABASE_URLS: `${system.singularity.url} ${url}`,
      CONSOLE_ASK_TIMEOUT_S: "2",
    });
    const browser = await console.signIn();
    const began = performance.now();
    const paths = ["/trends", "/dead-letters", "/dead-letters/groups", "/capture", "/keys"];
    // The first page waits for nobody, and names it once it has had its time.
    await browser.get("/");
    const answers = await Promise.all([...paths, ...paths].map((path) => browser.get(path)));
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      expect(text).toContain(new URL(url).host);
    }
    // Each of a page's questions has two seconds; no page waits for a turn for longer than that.
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(most()).toBeGreaterThan(0);
    expect(most()).toBeLessThanOrEqual(7);
  });
});

test("charts look back a month at most, and say what tells of more", async () => {
  const browser = await (await consoles.start()).signIn();
  expect((await browser.get("/trends?for=31d")).status).toBe(200);
  const { status, text } = await browser.get("/trends?for=32d");
  expect(status).toBe(400);
  expect(text).toContain("must be 31d at most");
});
