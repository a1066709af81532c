import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { Binaries } from "./binaries.ts";
import { renderConfiguration, type Settings } from "./configuration.ts";
import { EmbeddedPostgresError } from "./errors.ts";
import { layoutOf } from "./layout.ts";
import { serverEnvironment } from "./server-environment.ts";
import { asUser, type ServerUser } from "./server-user.ts";

export interface ServerRequest {
  readonly directory: string;
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  readonly durable: boolean;
  readonly settings: Settings;
  readonly log: (line: string) => void;
}

export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the server has ended and its last words were read. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  lastLines(): readonly string[];
}

/** Crash recovery of a big database takes its time; pg_ctl gives up after as long. */
const startTimeoutMs = 60_000;

export async function launchServer(request: ServerRequest, port: number): Promise<ServerProcess> {
  const { directory, binaries, user, log } = request;
  const { cluster, configuration } = layoutOf(directory);
  await rm(configuration, { force: true });
  await writeFile(configuration, renderConfiguration({ ...request, port }), { mode: 0o600 });
  if (user) {
    await chown(configuration, 0, user.gid);
    await chmod(configuration, 0o640);
  }
  // Everything that identifies the server is in its arguments: see stale-server.ts.
  const child = spawn(binaries.postgres, ["-D", cluster, `--config-file=${configuration}`], {
    cwd: "/",
    env: serverEnvironment(),
    stdio: ["ignore", "ignore", "pipe"],
    windowsHide: true,
    ...asUser(user),
  });
  let hasEnded = false;
  const lines: string[] = [];
  createInterface(child.stderr).on("line", (line) => {
    lines.push(line);
    if (lines.length > 12) lines.shift();
    log(line);
  });
  const exited = once(child, "exit").finally(() => {
    hasEnded = true;
  });
  // Not "close" alone: children of a killed server hold its standard error for a while.
  const closed = once(child, "close");
  const ended = exited.then(() => Promise.race([closed, delay(500)])).then(() => {});
  ended.catch(() => {});
  closed.catch(() => {});
  await once(child, "spawn");
  return {
    pid: child.pid ?? 0,
    ended,
    hasEnded: () => hasEnded,
    lastLines: () => lines,
  };
}

/** Ready is what the server says in `postmaster.pid`, as for pg_ctl: its log may be set otherwise. */
export async function untilReady(
  server: ServerProcess,
  cluster: string,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const status = await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "");
    const lines = status.split("\n");
    if (lines[0] === String(server.pid) && lines[7]?.trim() === "ready") return;
    if (server.hasEnded()) {
      await server.ended;
      throw new EmbeddedPostgresError(
        "server_start_failed",
        `PostgreSQL did not start on ${cluster}. It said:\n${quoteLines(server)}\nIf the data are damaged, restore them from a backup, or start afresh.`,
      );
    }
    if (performance.now() > deadline) {
      throw new EmbeddedPostgresError(
        "server_start_timeout",
        `PostgreSQL on ${cluster} was not ready after ${startTimeoutMs / 1000} s. It last said:\n${quoteLines(server)}`,
      );
    }
    await delay(10);
  }
}

function quoteLines(server: ServerProcess): string {
  return server
    .lastLines()
    .map((line) => `  ${line}`)
    .join("\n");
}
