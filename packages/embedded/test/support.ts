import { type ChildProcess, spawn } from "node:child_process";
import { on, once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "@centralcloud/embedded";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect } from "vitest";

export const isRoot = process.getuid?.() === 0;

/** A directory for this file of tests, also the temporary one of all that it starts. */
let ground = "";
const environment: { TMPDIR?: string } = process.env;
let systemTemporary: string | undefined;
const running = new Set<EmbeddedPostgres>();
const programs = new Set<ChildProcess>();

/** Fails the test that leaves a temporary data directory behind. */
export function usePlayground(): void {
  beforeAll(() => {
    ground = realpathSync(mkdtempSync(join(tmpdir(), "embedded-test-")));
    // The server's user, which is not ours when we are root, has to get through.
    chmodSync(ground, 0o755);
    systemTemporary = environment.TMPDIR;
    environment.TMPDIR = ground;
  });
  afterEach(async () => {
    for (const server of running) await server.stop();
    running.clear();
    for (const program of programs) program.kill("SIGKILL");
    programs.clear();
    await eventually(() => temporaryDirectories().length === 0, "temporary directories are gone");
  });
  afterAll(() => {
    if (systemTemporary === undefined) delete environment.TMPDIR;
    else environment.TMPDIR = systemTemporary;
    rmSync(ground, { recursive: true, force: true });
  });
}

export function pathTo(name: string): string {
  return join(ground, name);
}

export function temporaryDirectories(): string[] {
  return readdirSync(ground).filter((name) => name.startsWith("centralcloud-postgres-tmp-"));
}

/** Stopped after the test, whatever happens in it. */
export async function start(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ databases: [], durable: false, ...options });
  running.add(server);
  return server;
}

export async function query<Row extends pg.QueryResultRow>(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

export interface StartedProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly cluster: string;
  readonly port: number;
  readonly server: number;
  readonly watchdog: number;
  /** Waits until the program says that this has happened. */
  hears(event: string): Promise<void>;
}

/** A process of its own that starts a server, to be killed. */
export async function runProgram(options: object = {}): Promise<StartedProgram> {
  const path = fileURLToPath(new URL("programs/run-server.mjs", import.meta.url));
  const child = spawn(
    process.execPath,
    [path, JSON.stringify({ databases: [], durable: false, ...options })],
    { detached: true, stdio: ["ignore", "pipe", "inherit"] },
  );
  programs.add(child);
  const signal = AbortSignal.timeout(15_000);
  const lines = on(createInterface(child.stdout), "line", { signal, close: ["close"] });
  const hear = async (event: string) => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the program ended before it ${event}`);
      const message = JSON.parse(value[0]);
      if (message.event === event) return message;
    }
  };
  const started = await hear("started");
  return { ...started, child, pid: child.pid ?? 0, hears: hear };
}

export async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** A zombie whose parent does not care is as dead as one that was waited for. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== "linux") return true;
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !stat.slice(stat.lastIndexOf(")")).startsWith(") Z");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) expect.fail(`in vain waited until ${what}`);
    await delay(10);
  }
}

export async function untilGone(...pids: number[]): Promise<void> {
  await eventually(() => !pids.some(isAlive), `processes ${pids.join(", ")} are gone`);
}

/** Parent and watchdog at once, so that nobody is left who could clean up. */
export async function killWithWatchdog(program: StartedProgram): Promise<void> {
  // Stopped first, so that it can't notice that its watchdog dies.
  process.kill(program.pid, "SIGSTOP");
  process.kill(program.watchdog, "SIGSTOP");
  process.kill(program.watchdog, "SIGKILL");
  process.kill(program.pid, "SIGKILL");
  await endOf(program.child);
  await untilGone(program.watchdog);
}
