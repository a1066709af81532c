import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { listCommands } from "../support/command-list.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  urlOf,
  useSystem,
} from "../support/databases.ts";
import { putLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login } from "../support/logins.ts";
import { runCommand } from "../support/run-command.ts";

/*
 * Forty sources, three of them dead (nobody listens, a server that says nothing, a wrong password) and one slow: every
 * command that reads answers soon, shows all the others, names the four and exits with 3.
 */

const system = useSystem();
failOnLeaks(system);
const healthyCount = 36;
const healthy: TestDatabase[] = [];
let slow: TestDatabase;
let stranger: Login;
let letter = "1";
const sockets = new Set<Socket>();
const servers: Server[] = [];

/** What a person waits for at most. */
const promptMs = 3_000;

beforeAll(async () => {
  slow = await createTestDatabase("singularity");
  for (let count = 1; count < healthyCount; count++) {
    healthy.push(await createTestDatabase("singularity"));
  }
  letter = await putLetter(system.singularity);
  stranger = await createLogin(inject("serverUrl"), "");
}, 120_000);

afterAll(async () => {
  for (const server of servers) server.close();
  for (const database of [slow, ...healthy]) await dropTestDatabase(database);
  await dropLogin(inject("serverUrl"), stranger);
}, 60_000);

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

/** An address that leads to the slow source, until it has said so many bytes; from then on nothing passes. */
async function throttled(bytes: number): Promise<string> {
  const { hostname, port } = new URL(slow.url);
  const listening = await listen((near) => {
    const far = connect(Number(port), hostname);
    sockets.add(far);
    far.on("error", () => near.destroy());
    near.on("close", () => far.destroy());
    near.on("data", (chunk) => far.write(chunk));
    let left = bytes;
    far.on("data", (chunk) => {
      if (left <= 0) return;
      near.write(chunk.subarray(0, left));
      left -= chunk.length;
    });
  });
  const url = new URL(slow.url);
  url.port = String(listening);
  return url.href;
}

let dead: readonly string[] = [];
beforeAll(async () => {
  const silentPort = await listen(() => {});
  const wrong = new URL(stranger.urlOf(urlOf("postgres")));
  wrong.password = "not the password";
  dead = [
    "postgres://user@127.0.0.1:1/refused",
    `postgres://user@127.0.0.1:${silentPort}/silent`,
    wrong.href,
  ];
});

/** All forty, or those that are well alone. */
function environment(slowUrl?: string): Record<string, string> {
  const own = environmentOf(system);
  const others = healthy.map(({ url }) => url);
  const [refused = "", silent = "", wrong = ""] = dead;
  const all =
    slowUrl === undefined
      ? [system.singularity.url, ...others]
      : [refused, system.singularity.url, silent, ...others, wrong, slowUrl];
  return { ...own, SOURCE_DATABASE_URLS: all.join(" ") };
}

interface Reading {
  readonly words: () => readonly string[];
  /** How many of its rows are those of the sources that are well; none where only the naming counts. */
  readonly rows?: (document: never) => number;
  /** What is locked so that its statement hangs; default: every table but that by which a source says its name. */
  readonly locks?: "name";
  /** It does not print JSON. */
  readonly plain?: true;
}

const words = (text: string) => () =>
  text.split(" ").map((word) => (word === "LETTER" ? letter : word));
const sourcesOf = (rows: readonly { source: string }[]) =>
  new Set(rows.map(({ source }) => source)).size;

const reading: Readonly<Record<string, Reading>> = {
  queues: {
    words: words("queues"),
    rows: ({ queues }: { queues: { source: string }[] }) => sourcesOf(queues),
  },
  "queues peek": { words: words("queues peek centralcloud-new-patterns") },
  "queues rates": { words: words("queues rates") },
  "dlq list": { words: words("dlq list") },
  "dlq list --groups": { words: words("dlq list --groups") },
  "dlq count": {
    words: words("dlq count"),
    rows: ({ counts }: { counts: { source: string }[] }) => sourcesOf(counts),
  },
  "dlq show": { words: words("dlq show LETTER"), plain: true },
  "dlq body": { words: words("dlq body LETTER"), plain: true },
  "dlq export": { words: words("dlq export"), plain: true },
  jobs: {
    words: words("jobs"),
    rows: ({ jobs }: { jobs: { source: string }[] }) => sourcesOf(jobs),
  },
  "jobs runs": { words: words("jobs runs") },
  "keys list": { words: words("keys list") },
  "sources list": { words: words("sources list"), locks: "name" },
  "cdc status": {
    words: words("cdc status"),
    rows: ({ sources }: { sources: { source: string }[] }) => sourcesOf(sources),
    locks: "name",
  },
  // What is not captured can't be compared or looked into, which is told of each source.
  "cdc peek": { words: words("cdc peek"), locks: "name" },
  reconcile: { words: words("reconcile"), locks: "name" },
  doctor: { words: words("doctor") },
};

/** Commands that ask the central store alone: a source that is away takes nothing from them. */
const central: Readonly<Record<string, readonly string[]>> = {
  consumers: ["consumers"],
  "queues failures": ["queues", "failures"],
  "sessions list": ["sessions", "list"],
  "actions list": ["actions", "list"],
  "cdc log": ["cdc", "log"],
};

/** What is no reading of many sources: it changes something, goes on until it is stopped, or is shown elsewhere. */
const others = [
  ...["migrate", "consume", "drain", "scheduler", "sources adopt", "sources renew"],
  ...["dlq replay", "dlq discard", "dlq restore", "dlq import", "dlq replay-archive"],
  ...["replay-archive", "actions pause", "actions resume", "actions cancel", "actions rate"],
  ...["jobs run", "keys generate", "keys add-to-ring", "keys add", "keys ensure", "keys bind"],
  ...["cdc run", "cdc tail", "cdc recreate", "cdc drop"],
  // One session of the central store; and one action, which asks only the sources that it is for.
  ...["sessions show", "actions show"],
];

test("every command is one of these", async () => {
  const named = Object.keys(reading).filter((name) => !name.includes("--"));
  const known = [...named, ...Object.keys(central), ...others];
  expect((await listCommands()).sort()).toEqual(known.sort());
});

/** How long it may take here: a busy machine makes all sources slow, and then the slow one is waited for longer. */
async function limitOf(given: readonly string[]): Promise<number> {
  const began = performance.now();
  await runCommand(given, environment());
  return Math.max(promptMs, 4 * (performance.now() - began) + 1_500);
}

async function expectFourNamed(name: string, slowUrl: string, slowName: string): Promise<void> {
  const { words: given, rows, plain } = reading[name] as Reading;
  const all = [...given(), ...(plain ? [] : ["--json"])];
  const limitMs = await limitOf(all);
  const began = performance.now();
  const { exitCode, stdout, stderr } = await runCommand(all, environment(slowUrl));
  const tookMs = performance.now() - began;
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 3 });
  expect(tookMs).toBeLessThan(limitMs);
  for (const missing of ["/refused", "/silent", "/postgres", slowName]) {
    expect(stderr).toContain(`${missing} can't be reached`);
  }
  if (plain) return;
  const document = JSON.parse(stdout);
  expect(document.unreachable).toHaveLength(4);
  if (rows !== undefined) expect(rows(document as never)).toBe(healthyCount);
}

describe.each(Object.keys(reading))("%s", (name) => {
  test("beside a proxy that passes nothing more", async () => {
    await expectFourNamed(name, await throttled(0), `/${slow.name}`);
  }, 60_000);

  test("beside one whose statement waits for a lock", async () => {
    const client = await slow.pool.connect();
    try {
      await client.query("begin");
      const but = reading[name]?.locks === "name" ? "" : "and c.relname <> 'singularity_source'";
      const { rows } = await client.query<{ tables: string }>(
        `select string_agg(format('%I.%I', n.nspname, c.relname), ', ') as tables
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relkind = 'r' and n.nspname in ('public', 'pgmq') ${but}`,
      );
      await client.query(`lock table ${rows[0]?.tables} in access exclusive mode`);
      await expectFourNamed(name, slow.url, slow.name);
    } finally {
      await client.query("rollback");
      client.release();
    }
  }, 60_000);
});

test.each(Object.keys(central))("%s asks no source", async (name) => {
  const began = performance.now();
  const { exitCode, stderr } = await runCommand(
    central[name] ?? [],
    environment(await throttled(0)),
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(performance.now() - began).toBeLessThan(promptMs);
});

test("a source that stops in the middle of its answer is named, too", async () => {
  await expectFourNamed("queues", await throttled(1_200), slow.name);
}, 60_000);
