import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * What tells a process from a later one that was given the same id: on Linux the time it started,
 * in ticks since the boot, elsewhere what `ps` says of its start.
 */
export interface ProcessIdentity {
  readonly boot: string;
  /** The process namespace the id was seen in. Ids of another container mean nothing here. */
  readonly namespace: string;
  readonly started: string;
}

export const unknownIdentity: ProcessIdentity = { boot: "", namespace: "", started: "" };

/** `undefined` when there is no such process, or only its zombie. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  if (!hasProcess(pid)) return undefined;
  if (process.platform === "win32") return unknownIdentity;
  if (process.platform !== "linux") {
    const [state, ...started] = ps(pid, "stat=,lstart=").split(/\s+/);
    return !state || state.startsWith("Z")
      ? undefined
      : { boot: "", namespace: "", started: started.join(" ") };
  }
  try {
    // The name in parentheses may hold blanks and parentheses; what follows the last one can't.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // An orphan whose new parent never reaps it (a container without an init) stays a zombie, and
    // kill(pid, 0) finds it for ever.
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    return {
      boot: readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(),
      namespace: readlinkSync("/proc/self/ns/pid"),
      started: fields[19] ?? "",
    };
  } catch {
    // Gone in this moment; or there is no /proc, and its id is all that is known of it.
    return existsSync("/proc/self/stat") ? undefined : unknownIdentity;
  }
}

export function isAlive(pid: number): boolean {
  return identityOf(pid) !== undefined;
}

/** Arguments joined by blanks; `undefined` when nothing can be learnt of the process. */
export function commandLineOf(pid: number): string | undefined {
  try {
    const line =
      process.platform === "linux"
        ? readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
        : ps(pid, "command=");
    return line.trim() === "" ? undefined : line.trim();
  } catch {
    return undefined;
  }
}

/** @returns whether it is gone; false when `timeoutMs` passed first. */
export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await delay(10);
  }
  return true;
}

function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function ps(pid: number, format: string): string {
  const { PATH = "/usr/bin:/bin" } = process.env;
  try {
    return execFileSync("ps", ["-ww", "-o", format, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { PATH, LC_ALL: "C" },
    }).trim();
  } catch {
    return "";
  }
}
