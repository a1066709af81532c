import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { listCommands } from "../support/command-list.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  urlOf,
  useSystem,
} from "../support/databases.ts";
import { putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login } from "../support/logins.ts";
import { runCommand } from "../support/run-command.ts";

/*
 * Forty sources, three of them dead (nobody listens, a server that says nothing, a wrong password) and two slow (a proxy that
 * passes nothing more, and one whose statement waits for a lock): every command that reads answers soon, shows all the
 * others, names the five and exits with 3.
 */

const system = useSystem();
failOnLeaks(system);
const healthyCount = 35;
const healthy: TestDatabase[] = [];
let slow: TestDatabase;
let locked: TestDatabase;
let stranger: Login;
let deadLetter = "1";
let action = "1";
const sockets = new Set<Socket>();
const servers: Server[] = [];

/** What a person waits for at most. */
const promptMs = 3_000;

beforeAll(async () => {
  slow = await createTestDatabase("source");
  locked = await createTestDatabase("source");
  for (let count = 1; count < healthyCount; count++) {
    healthy.push(await createTestDatabase("source"));
  }
  deadLetter = await putDeadLetter(system.singularity);
  action = await replayOne();
  stranger = await createLogin(inject("serverUrl"), "");
}, 120_000);

/** A replay of one dead letter, of which the sources are asked what became of it. @returns its number. */
async function replayOne(): Promise<string> {
  const id = await putDeadLetter(system.singularity);
  const words = ["dlq", "replay", id, "--reason", "a test", "--json"];
  const { stdout } = await runCommand(words, environmentOf(system));
  return JSON.parse(stdout).actionId;
}

afterAll(async () => {
  await Promise.all([slow, locked, ...healthy].map(dropTestDatabase));
  await dropLogin(inject("serverUrl"), stranger);
}, 120_000);

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of servers.splice(0)) server.close();
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

/** All forty, or those that are well alone. */
async function environment(slowUrl?: string): Promise<Record<string, string>> {
  const own = environmentOf(system);
  const others = healthy.map(({ url }) => url);
  if (slowUrl === undefined) {
    return { ...own, SOURCE_DATABASE_URLS: [system.singularity.url, ...others].join(" ") };
  }
  const refused = "postgres://user@127.0.0.1:1/refused";
  const silent = `postgres://user@127.0.0.1:${await listen(() => {})}/silent`;
  const wrong = new URL(stranger.urlOf(urlOf("postgres")));
  wrong.password = "not the password";
  const away = [silent, wrong.href, locked.url, slowUrl];
  const all = [refused, system.singularity.url, ...away, ...others];
  return { ...own, SOURCE_DATABASE_URLS: all.join(" ") };
}

interface Reading {
  readonly words: () => readonly string[];
  /** How many of its rows are those of the sources that are well; none where only the naming counts. */
  readonly rows?: (document: never) => number;
  /** What is locked so that its statement hangs; default: every table but that by which a source says its name. */
  readonly locks?: "name";
  /** It does not print JSON, or nothing at all. */
  readonly plain?: true;
  /** How many times as much there is to do as to count queues; default 1. */
  readonly weight?: number;
}

const words = (text: string) => () =>
  text.split(" ").map((word) => ({ DEAD_LETTER: deadLetter, ACTION: action })[word] ?? word);
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
  "dlq groups": { words: words("dlq groups") },
  // A table that it can't read in time is a line of what is not known; a source that says no name is missing.
  trace: { words: words("trace --agent agent-1"), locks: "name" },
  "dlq count": {
    words: words("dlq count"),
    rows: ({ counts }: { counts: { source: string }[] }) => sourcesOf(counts),
  },
  "dlq show": { words: words("dlq show DEAD_LETTER"), plain: true },
  "dlq body": { words: words("dlq body DEAD_LETTER --reveal --reason test"), plain: true },
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
  "actions show": { words: words("actions show ACTION"), locks: "name" },
  // A preview is of all sources or of none, as what it is of: it says soon which are missing, and nothing else.
  ...preview("dlq replay --all"),
  ...preview("dlq discard --all"),
  ...preview("dlq restore --all"),
  ...preview("dlq replay-archive --all"),
  ...preview("replay-archive --all"),
};

function preview(command: string): Readonly<Record<string, Reading>> {
  const given = `${command} --dry-run`;
  return { [given]: { words: words(given), locks: "name", plain: true } };
}

/** Commands that ask the central store alone: a source that is away takes nothing from them. */
const central: Readonly<Record<string, readonly string[]>> = {
  consumers: ["consumers"],
  "queues failures": ["queues", "failures"],
  "sessions list": ["sessions", "list"],
  "actions list": ["actions", "list"],
  "cdc log": ["cdc", "log"],
};

/** What is no reading of many sources: it changes something, continues until it is stopped, or is shown elsewhere. */
const others = [
  ...["migrate", "consume", "console", "drain", "scheduler", "sources adopt", "sources renew"],
  ...["dlq replay", "dlq discard", "dlq restore", "dlq import", "dlq replay-archive"],
  ...["replay-archive", "actions pause", "actions resume", "actions cancel", "actions rate"],
  ...[
    "actions work",
    "jobs run",
    "keys generate",
    "keys add-to-ring",
    "keys add",
    "keys ensure",
    "keys bind",
  ],
  ...["cdc run", "cdc tail", "cdc recreate", "cdc drop"],
  // One session of the central store.
  ...["sessions show"],
  // One dead letter, which is sent; and a text that asks nobody.
  ...["dlq edit", "completion"],
];

test("every command is one of these", async () => {
  const named = Object.keys(reading).filter((name) => !name.includes("--"));
  const known = [...named, ...Object.keys(central), ...others];
  expect((await listCommands()).sort()).toEqual(known.sort());
});

/** How long all of those that are well take together, where the machine has nothing else to do. */
const quietMs = 800;
let limitMs = promptMs;
/** A busy machine makes all of them slow, and then the slow ones are waited for longer. */
async function measureLimit(): Promise<void> {
  const began = performance.now();
  await runCommand(["queues"], await environment());
  limitMs = promptMs * Math.max(1, (performance.now() - began) / quietMs);
}
beforeAll(async () => {
  await runCommand(["queues"], await environment());
  await measureLimit();
}, 60_000);

/** Once more where it took too long, since what the machine does besides may have changed meanwhile. */
async function promptly(
  words: readonly string[],
  asked: Record<string, string>,
  mostMs: () => number,
) {
  for (let round = 1; ; round++) {
    const began = performance.now();
    const ended = await runCommand(words, asked);
    const tookMs = performance.now() - began;
    if (tookMs < mostMs() || round === 3) return { ...ended, tookMs };
    await measureLimit();
  }
}

async function expectNamed(name: string, slowUrl: string, isLocked: boolean): Promise<void> {
  const { words: given, rows, plain, weight = 1 } = reading[name] as Reading;
  const all = [...given(), ...(plain ? [] : ["--json"])];
  const asked = await environment(slowUrl);
  const { tookMs, exitCode, stdout, stderr } = await promptly(all, asked, () => limitMs * weight);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 3 });
  expect(tookMs, `${name} took ${Math.round(tookMs)} ms`).toBeLessThan(limitMs * weight);
  const missing = [
    "/refused",
    "/silent",
    "/postgres",
    slow.name,
    ...(isLocked ? [locked.name] : []),
  ];
  for (const one of missing) expect(stderr).toContain(`${one} can't be reached`);
  if (plain) return;
  const document = JSON.parse(stdout);
  expect(document.unreachable).toHaveLength(missing.length);
  if (rows !== undefined) expect(rows(document as never)).toBe(healthyCount + (isLocked ? 0 : 1));
}

test.each(Object.keys(reading))(
  "%s answers soon, shows the others and names the five",
  async (name) => {
    const client = await locked.pool.connect();
    try {
      await client.query("begin");
      const but = reading[name]?.locks === "name" ? "" : "and c.relname <> 'singularity_source'";
      const { rows } = await client.query<{ tables: string }>(
        `select string_agg(format('%I.%I', n.nspname, c.relname), ', ') as tables
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and n.nspname in ('public', 'pgmq') ${but}`,
      );
      await client.query(`lock table ${rows[0]?.tables} in access exclusive mode`);
      await expectNamed(name, await throttled(0), true);
    } finally {
      await client.query("rollback");
      client.release();
    }
  },
  60_000,
);

test.each(Object.keys(central))("%s asks no source", async (name) => {
  const asked = await environment(await throttled(0));
  const began = performance.now();
  const { exitCode, stderr } = await runCommand(central[name] ?? [], asked);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(performance.now() - began).toBeLessThan(promptMs);
});

test("a source that stops in the middle of its answer is named, too", async () => {
  await expectNamed("queues", await throttled(1_200), false);
}, 60_000);
