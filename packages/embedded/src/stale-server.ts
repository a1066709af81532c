import { readFile, readlink, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { DataDirectoryInUseError } from "./errors.ts";
import { commandLineOf, isAlive } from "./processes.ts";
import { terminateServer } from "./terminate-server.ts";

/**
 * Stops a server whose watchdog has died, and removes the `postmaster.pid` of one that has died
 * itself: PostgreSQL would refuse to start when an unrelated process has the id by now. To be
 * called by whoever has claimed the directory.
 */
export async function stopStaleServer(cluster: string): Promise<void> {
  const path = join(cluster, "postmaster.pid");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return;
  // Negative: a single-user server.
  const pid = Math.abs(Number.parseInt(text, 10));
  if (pid > 0 && isAlive(pid) && (await isServerOf(cluster, pid))) {
    await terminateServer(pid, "fast");
  }
  await rm(path, { force: true });
}

/** A process id alone proves nothing: it may have been given to something else since. */
async function isServerOf(cluster: string, pid: number): Promise<boolean> {
  const command = commandLineOf(pid);
  if (command === undefined && isAlive(pid)) {
    throw new DataDirectoryInUseError(
      `${cluster} may be in use: process ${pid}, which started a server on it, is alive, and what it is can't be found out. Stop it, or delete ${join(cluster, "postmaster.pid")} when you know better.`,
    );
  }
  if (command?.includes(` -D ${cluster} `)) return true;
  // Started by hand, with another spelling of the path: a server works in its directory.
  const [program = ""] = command?.split(" ") ?? [];
  const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return basename(program).startsWith("postgres") && workingDirectory === cluster;
}
